/**
 * Files of others in the watched folder of a running `mcp2 up`: calls are answered, the event loop does not stand still, a
 * valid file still takes effect, and signals are obeyed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventLoopProbe } from '../harness/event-loop.ts';
import { eventually } from '../harness/eventually.ts';
import { HOSTILE_TEXTS, putHostileFile, SPECIAL_FILES, seededRandom } from '../harness/hostile-files.ts';
import { startTraffic } from '../harness/lookup-traffic.ts';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';

const SERVER = { serverName: 'InventoryDB_Primary' };
/** MCP2_TEST_HOSTILE_FILES=500 for a longer look. */
const FILES = Number(process.env.MCP2_TEST_HOSTILE_FILES ?? 100);
const SEED = 20_261_130;
const MAX_PAUSE_MS = 1_000;

test(`${FILES} hostile files: no lookup fails, no pause is longer than a second, and a valid file takes effect`, async () => {
  const probe = await EventLoopProbe.create();
  await using up = await createStandalone({ nodeArgs: probe.nodeArgs });
  up.writeInventory();
  await up.start();
  await probe.reset();
  const traffic = await startTraffic(up, SERVER);
  const random = seededRandom(SEED);
  for (let index = 0; index < FILES; index += 1) {
    putHostileFile(up.files, `h${index % 200}.yaml`, random);
    await sleep(50);
  }
  up.writeServer('zz.yaml', { name: 'later', serverName: 'Later' });
  await eventually(
    async () => (await up.run(['get', 'servers', 'later'])).stdout,
    (stdout) => /later +\w+ +\w+ +Later/.test(stdout),
    { timeoutMs: 240_000 },
  );
  const report = await traffic.stop();
  const pauses = await probe.read();
  expect({ failures: report.failures, calls: report.calls > FILES }).toEqual({ failures: [], calls: true });
  expect(pauses.longestMs).toBeLessThan(MAX_PAUSE_MS);
  await expectEnd(up, 'SIGTERM');
}, 300_000);

/** What was minutes for the reader before: each alone, so that no other hides it. */
test.each([
  ['numbers as keys', 64 * 1024],
  ['numbers as keys', 1024 * 1024],
  ['keys of a map', 1024 * 1024],
  ['capabilities without a name', 1024 * 1024],
  ['unknown fields of spec', 1024 * 1024],
] as const)('%s (%i bytes) hold up no lookup and no SIGINT', async (kind, bytes) => {
  const probe = await EventLoopProbe.create();
  await using up = await createStandalone({ nodeArgs: probe.nodeArgs });
  up.writeInventory();
  await up.start();
  await probe.reset();
  const traffic = await startTraffic(up, SERVER);
  const text = HOSTILE_TEXTS[kind]?.(bytes - 300, Math.random) ?? '';
  writeFileSync(join(up.files, 'hostile.yaml'), text);
  await sleep(2_000);
  const { failures } = await traffic.stop();
  expect(failures).toEqual([]);
  const pauses = await probe.read();
  await expectEnd(up, 'SIGINT');
  expect(pauses.longestMs).toBeLessThan(MAX_PAUSE_MS);
});

test.each(Object.keys(SPECIAL_FILES))('%s in the folder is one problem, and others are followed', async (kind) => {
  await using up = await createStandalone();
  SPECIAL_FILES[kind]?.(join(up.files, 'special.yaml'));
  up.writeInventory();
  await up.start();
  expect(await up.output()).toMatch(/inventorydb-primary +True/);
  const isAbsent = kind === 'a link that leads nowhere';
  if (!isAbsent)
    expect(await up.output()).toMatch(/special\.yaml:1: (?:cannot be read|is larger|.*must|.*text|.*write)/);
  await expectEnd(up, 'SIGTERM');
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s is obeyed while hostile files are read', async (signal) => {
  const random = seededRandom(SEED + 1);
  for (const waitMs of [0, 150, 600]) {
    await using up = await createStandalone();
    up.writeInventory();
    await up.start();
    for (let index = 0; index < 10; index += 1) putHostileFile(up.files, `h${index}.yaml`, random);
    await sleep(waitMs);
    await expectEnd(up, signal);
  }
});

async function expectEnd(up: Standalone, signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  const askedMs = performance.now();
  expect(await up.send(signal)).toEqual({ code: 0, signal: null });
  expect(performance.now() - askedMs).toBeLessThan(2_500);
}
