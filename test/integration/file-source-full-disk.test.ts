/** The state folder on a disk that fills and is freed: nothing counts that could not be saved, and nothing is left over. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { saveFile, saveFileSync } from '#lib/saved-file.ts';
import { writeConnection } from '../../cli/state/connection.ts';
import { locateState } from '../../cli/state/folder.ts';
import { ensureSigningKey } from '../../cli/state/keys.ts';
import { FileSource } from '../../operator/source/files.ts';
import { ResourceReader } from '../../operator/source/reader/resource-reader.ts';
import type { SourcedServer } from '../../operator/source/source.ts';
import { serverYaml } from '../harness/mcp2-command.ts';
import { SmallDisk } from '../harness/small-disk.ts';

const definition = readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');

let disk: SmallDisk;
let folder: string;
const keys: string[] = [];
const started: FileSource[] = [];

beforeEach(() => {
  disk = new SmallDisk(1024 * 1024);
  folder = mkdtempSync(join(tmpdir(), 'mcp2-full-'));
  keys.length = 0;
});

afterEach(async () => {
  for (const source of started.splice(0)) await source.stop();
  disk[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<FileSource> {
  const source = new FileSource({
    directory: folder,
    statePath: join(disk.path, 'servers.json'),
    reader: new ResourceReader({ definition }),
    clock: systemClock,
    log: silentLogger,
    onKey: (key) => keys.push(key),
  });
  started.push(source);
  await source.start();
  return source;
}

function write(name: string): void {
  writeFileSync(join(folder, `${name}.yaml`), serverYaml({ name, serverName: name.toUpperCase(), port: 50_061 }));
}

const names = (source: FileSource) => [...source.all()].map(({ metadata }) => metadata.name).sort();
const leftovers = () => readdirSync(disk.path).filter((name) => !['ballast', 'servers.json'].includes(name));

test('a file that is added while the disk is full is told, and takes effect once there is space', async () => {
  write('one');
  const source = await start();
  disk.fill();
  write('two');
  keys.length = 0;
  for (let look = 0; look < 3; look += 1) await source.look();
  expect({ names: names(source), keys }).toEqual({ names: ['one'], keys: [] });
  expect(source.problems()).toEqual([
    { file: 'two.yaml', line: 1, message: expect.stringMatching(/not in force yet: .*servers\.json .*ENOSPC/) },
  ]);
  expect(leftovers()).toEqual([]);
  disk.free();
  await source.look();
  expect({ names: names(source), keys }).toEqual({ names: ['one', 'two'], keys: ['default/two'] });
  expect(source.problems()).toEqual([]);
});

test('a file that is removed or changed meanwhile takes effect then, too', async () => {
  for (const name of ['one', 'two']) write(name);
  const source = await start();
  disk.fill();
  rmSync(join(folder, 'one.yaml'));
  writeFileSync(join(folder, 'two.yaml'), serverYaml({ name: 'two', serverName: 'Other', port: 50_061 }));
  await source.look();
  expect(source.get('default/one')?.metadata.deletionTimestamp).toBeUndefined();
  expect(source.get('default/two')?.spec).toMatchObject({ serverName: 'TWO' });
  disk.free();
  await source.look();
  expect(source.get('default/one')?.metadata.deletionTimestamp).toBeDefined();
  expect(source.get('default/two')?.spec).toMatchObject({ serverName: 'Other' });
});

test.each<[string, (source: FileSource, server: SourcedServer) => Promise<unknown>, (source: FileSource) => unknown]>([
  ['a status', (source, server) => source.writeStatus(server, { serverName: 'A' }), (source) => source.remembered()],
  ['a finalizer', (source, server) => source.addFinalizer(server), (source) => source.get('default/one')],
  ['an end', (source, server) => source.removeFinalizer(server), (source) => names(source)],
])('%s that cannot be saved has not happened, and can be tried again', async (_title, change, look) => {
  write('one');
  const source = await start();
  const server = source.get('default/one') as SourcedServer;
  const before = structuredClone(look(source));
  disk.fill();
  if (_title === 'an end') rmSync(join(folder, 'one.yaml'));
  await expect(change(source, server)).rejects.toThrow(/ENOSPC/);
  expect(look(source)).toEqual(before);
  expect(leftovers()).toEqual([]);
  disk.free();
  await source.look();
  await change(source, server);
  expect(look(source)).not.toEqual(before);
});

test('statuses of many servers at once are saved together, and each is there after a restart', async () => {
  const many = Array.from({ length: 50 }, (_, index) => `s${index}`);
  for (const name of many) write(name);
  const source = await start();
  await Promise.all(
    [...source.all()].map((server) => source.writeStatus(server, { serverName: server.metadata.name })),
  );
  await source.stop();
  const next = await start();
  expect([...next.all()].map((server) => next.statusOf(server)?.serverName).sort()).toEqual(many.sort());
});

test.each<[string, (path: string) => unknown]>([
  ['at once', (path) => saveFileSync(path, 'x'.repeat(10_000))],
  ['aside', (path) => saveFile(path, 'x'.repeat(10_000))],
])('a file of ours, replaced %s, is the old one after a failure and leaves nothing', async (_title, save) => {
  const path = join(disk.path, 'servers.json');
  writeFileSync(path, 'old');
  disk.fill();
  await expect((async () => save(path))()).rejects.toThrow(/ENOSPC/);
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(leftovers()).toEqual([]);
  disk.free();
  await save(path);
  expect(readFileSync(path, 'utf8')).toHaveLength(10_000);
});

test('the other files of the state folder leave nothing behind either, and the next start makes them', async () => {
  const state = locateState(join(disk.path, 'state'), { env: {}, homeFolder: '/' });
  mkdirSync(state.path);
  disk.fill();
  const connection = { registry: '127.0.0.1:1', files: '/f', pid: 1, startedAt: '2026-01-01T00:00:00Z' };
  expect(() => writeConnection(state.connection, connection)).toThrow(/ENOSPC/);
  await expect(ensureSigningKey(state)).rejects.toThrow(/cannot be used .*no space left.*--state/);
  expect(readdirSync(state.path)).toEqual([]);
  disk.free();
  expect(await ensureSigningKey(state)).toBe(true);
});
