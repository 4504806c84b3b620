/**
 * The embedded store on files that were damaged while it was down: each start serves all that was acknowledged, or is
 * refused with the file and what is wrong in it. What the marker does not know of yet is out of reach: these files are
 * copied once it does.
 */
import { cp, open as openFile, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { StoreFolderError } from '#lib/store/embedded/errors.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import type { Listing, Store } from '#lib/store/store.ts';
import { eventually } from '../harness/eventually.ts';
import { createWorkspace } from '../harness/processes.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

/** Fewer in CI, where each costs up to half a second. */
const IS_FULL = process.env.MCP2_TEST_FULL !== undefined;
const PLACES = IS_FULL ? 200 : 40;
const OTHER_PLACES = IS_FULL ? 10 : 4;
const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);
const DATABASE = 'store.sqlite';
const LOG = 'store.sqlite-wal';

interface Image {
  readonly folder: string;
  readonly listing: Listing;
  readonly history: readonly string[];
}

/** As a killed process left them: half of the records in the database, half in the write-ahead log. */
let killed: Image;
/** As a process that ended in order left them. */
let ended: Image;

beforeAll(async () => {
  const folder = createWorkspace('damage').folder;
  const original = join(folder, 'original');
  const first = await openEmbeddedStore({ directory: original, clock: systemClock });
  await fill(first, 0);
  await first.close();
  const second = await openEmbeddedStore({ directory: original, clock: systemClock });
  await fill(second, 1);
  const { revision } = await second.list('/');
  const marker = () => readFile(join(original, 'mcp2-store.json'), 'utf8');
  await eventually(marker, (text) => text.includes(`"revision":${revision}`), { what: 'the marker knows all' });
  killed = await copy(original, join(folder, 'killed'), second);
  await second.close();
  const third = await openEmbeddedStore({ directory: original, clock: systemClock });
  const { listing, history } = await contentOf(third);
  await third.close();
  await cp(original, join(folder, 'ended'), { recursive: true });
  ended = { folder: join(folder, 'ended'), listing, history };
});

/** Records of all sizes, some with a lease, some of them changed and some removed again. */
async function fill(store: Store, round: number): Promise<void> {
  const { id } = await store.grantLease(3_600);
  for (let i = 0; i < 60; i++) {
    const key = `/records/${round}/${i}`;
    const value = `${i} `.repeat(1 + (i % 7) * 60);
    const write = i % 5 === 0 ? { key, value, leaseId: id } : { key, value };
    await store.transact({ compares: [], writes: [{ kind: 'put', ...write }] });
    if (i % 9 === 8)
      await store.transact({ compares: [], writes: [{ kind: 'delete', key: `/records/${round}/${i - 3}` }] });
  }
}

async function copy(from: string, folder: string, store: Store): Promise<Image> {
  const { listing, history } = await contentOf(store);
  await cp(from, folder, { recursive: true });
  return { folder, listing, history };
}

async function contentOf(store: Store): Promise<{ listing: Listing; history: string[] }> {
  const listing = await store.list('/');
  await using watch = new WatchRecorder(store, '/', 2);
  await watch.until(({ batches }) => batches.at(-1)?.revision === listing.revision, 'the whole history');
  return { listing, history: watch.lines };
}

type Damage = (path: string, random: () => number) => Promise<string>;

const flipByte: Damage = async (path, random) => {
  const { size } = await stat(path);
  const at = Math.floor(random() * size);
  const mask = 1 + Math.floor(random() * 255);
  await change(path, at, 1, ([byte = 0]) => Buffer.of(byte ^ mask));
  return `byte ${at} of ${path} xor ${mask}`;
};

/** As a disk loses it. */
const blankSector: Damage = async (path, random) => {
  const { size } = await stat(path);
  const at = Math.floor((random() * size) / 512) * 512;
  await change(path, at, 512, () => Buffer.alloc(512));
  return `sector at ${at} of ${path}`;
};

const cutShort: Damage = async (path, random) => {
  const { size } = await stat(path);
  const length = Math.floor(random() * size);
  await truncate(path, length);
  return `${path} cut at ${length}`;
};

async function change(path: string, at: number, length: number, by: (bytes: Buffer) => Buffer): Promise<void> {
  await using file = await openFile(path, 'r+');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  const changed = by(buffer).subarray(0, bytesRead);
  await file.write(changed, 0, changed.length, at);
}

const DAMAGES: [string, number, Damage, () => Image, string][] = [
  ['flipped bytes in the database of a killed process', PLACES / 4, flipByte, () => killed, DATABASE],
  ['flipped bytes in the write-ahead log of a killed process', PLACES / 2, flipByte, () => killed, LOG],
  ['flipped bytes in the database of a process that ended in order', PLACES / 4, flipByte, () => ended, DATABASE],
  ['blank sectors in the database', OTHER_PLACES, blankSector, () => ended, DATABASE],
  ['blank sectors in the write-ahead log', OTHER_PLACES, blankSector, () => killed, LOG],
  ['a database cut short', OTHER_PLACES, cutShort, () => ended, DATABASE],
  ['a write-ahead log cut short', OTHER_PLACES, cutShort, () => killed, LOG],
];

test.each(DAMAGES)(
  `with %s the store serves all or is refused (seed ${SEED})`,
  { timeout: 300_000 },
  async (title, places, damage, image, file) => {
    const random = randomFrom(SEED + title.length);
    const { folder, listing, history } = image();
    let refused = 0;
    for (let place = 0; place < places; place++) {
      const directory = join(createWorkspace('damaged').folder, 'store');
      await cp(folder, directory, { recursive: true });
      const what = await damage(join(directory, file), random);
      try {
        const store = await openEmbeddedStore({ directory, clock: systemClock });
        onTestFinished(() => store.close());
        expect(await contentOf(store), what).toEqual({ listing, history });
        await store.close();
      } catch (error) {
        expect(error, what).toBeInstanceOf(StoreFolderError);
        expect(String(error), what).toMatch(
          /store\.sqlite (?:is damaged or cut short \(.+\)|is (?:empty|missing) \(revision \d+ was written\)): put a backup of/,
        );
        refused += 1;
      }
    }
    console.info(`${title}: ${refused} of ${places} refused, the others served all (MCP2_TEST_SEED=${SEED})`);
  },
);

/** Mulberry32: uniform in [0, 1), the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
