/**
 * A program for tests: opens the embedded store in the folder it is given, then writes one pair of keys after another
 * until it is killed, and prints each number once its write has resolved.
 *
 * Arguments: the folder, how many writes are in flight (1), and the first number (0).
 */
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';

if (import.meta.main)
  await writePairs(String(process.argv[2]), Number(process.argv[3] ?? 1), Number(process.argv[4] ?? 0));

async function writePairs(directory: string, inFlight: number, first: number): Promise<void> {
  const store = await openEmbeddedStore({ directory, clock: systemClock });
  let next = first;
  const write = async (): Promise<void> => {
    for (;;) {
      const i = next++;
      const pair = [`/pairs/${i}/a`, `/pairs/${i}/b`].map((key) => ({ kind: 'put', key, value: `${i}` }) as const);
      await store.transact({ compares: [], writes: pair });
      console.log(i);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, write));
}
