/**
 * A program for tests: opens the embedded store in the folder it is given, then writes one key after another until
 * it is killed, and prints each number once its write has resolved.
 */
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';

if (import.meta.main) await writePairs(String(process.argv[2]));

async function writePairs(directory: string): Promise<void> {
  const store = openEmbeddedStore({ directory, clock: systemClock });
  for (let i = 0; ; i++) {
    const pair = [`/pairs/${i}/a`, `/pairs/${i}/b`].map((key) => ({ kind: 'put', key, value: `${i}` }) as const);
    await store.transact({ compares: [], writes: pair });
    console.log(i);
  }
}
