import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser, FINALIZER } from '../server/resource.ts';
import { FileSource } from './files.ts';
import { listFiles, readFileAt } from './reader/read-file.ts';
import type { FolderReader } from './reader/resource-reader.ts';
import type { FileProblem } from './resource-file.ts';
import { noRuntimeFiles, type RuntimeFile, type RuntimeFiles } from './runtime-files.ts';
import type { SourcedServer } from './source.ts';

const definition = readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');
const parse = createMcp2ServerParser(readSchema(definition));
/** Reads here; the thread that the product reads in is tested with whole processes. */
const reader: FolderReader = {
  list: async (directory) => listFiles(directory),
  readFile: async (request) => readFileAt(request, parse),
  close: async () => undefined,
};

let folder: string;
let nowMs: number;
const keys: string[] = [];
const started: FileSource[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-files-'));
  mkdirSync(join(folder, 'servers'));
  nowMs = Date.UTC(2026, 0, 1);
  keys.length = 0;
});

afterEach(async () => {
  for (const source of started.splice(0)) await source.stop();
  rmSync(folder, { recursive: true });
});

/** Runs nothing: what a test says of a file is what runs. */
class ToldRuntimes implements RuntimeFiles {
  readonly followed: (readonly string[])[] = [];
  readonly #known = new Map<string, RuntimeFile>();
  #listener: () => void = () => undefined;

  follow(names: readonly string[]): void {
    this.followed.push(names);
  }

  async settled(): Promise<void> {}
  get(name: string): RuntimeFile | undefined {
    return this.#known.get(name);
  }
  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  tell(name: string, serverName: string | undefined, ...problems: readonly FileProblem[]): void {
    if (serverName === undefined) {
      this.#known.set(name, { isTried: true, resource: undefined, problems });
      this.#listener();
      return;
    }
    const spec = { serverName, source: { address: 'grpc://127.0.0.1:50061' }, tls: { mode: 'Disabled' } };
    const value = {
      apiVersion: 'mcp2.dev/v1alpha1',
      kind: 'Mcp2Server',
      metadata: { name: serverName.toLowerCase() },
    };
    const parsed = parse({ ...value, spec: { ...spec, capabilityMode: 'Discovered' } }, { allowLoopback: true });
    this.#known.set(name, { isTried: true, resource: parsed.ok, problems });
    this.#listener();
  }

  /** Its server is being started. */
  begin(name: string): void {
    this.#known.set(name, { isTried: false, resource: undefined, problems: [] });
  }
}

function open(runtimeFiles: RuntimeFiles = noRuntimeFiles()): FileSource {
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: async () => undefined };
  const source = new FileSource({
    directory: join(folder, 'servers'),
    statePath: join(folder, 'servers.json'),
    reader,
    runtimeFiles,
    clock,
    log: silentLogger,
    onKey: (key) => keys.push(key),
  });
  started.push(source);
  return source;
}

function write(file: string, ...servers: readonly (readonly [name: string, serverName: string])[]): void {
  const documents = servers.map(
    ([name, serverName]) => `apiVersion: mcp2.dev/v1alpha1
kind: Mcp2Server
metadata: {name: ${name}}
spec:
  serverName: ${serverName}
  source: {address: "grpc://127.0.0.1:50061"}
  tls: {mode: Disabled}
  capabilities: [{name: "db:${name}:read"}]
`,
  );
  writeFileSync(join(folder, 'servers', file), documents.join('---\n'));
}

const names = (source: FileSource) => [...source.all()].map(({ metadata }) => metadata.name).sort();

test('every document of every file is a resource, found by key and by folded server name', async () => {
  write('a.yaml', ['one', 'One'], ['two', 'Two']);
  write('b.yml', ['three', 'Three']);
  const source = open();
  await source.start();
  expect(names(source)).toEqual(['one', 'three', 'two']);
  expect(source.get('default/one')?.metadata).toMatchObject({ generation: 1, uid: expect.any(String), finalizers: [] });
  expect(source.claimants('ONE').map(({ metadata }) => metadata.name)).toEqual(['one']);
  expect(keys.sort()).toEqual(['default/one', 'default/three', 'default/two']);
});

test('a broken file keeps its last good resources and says where it is broken', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  writeFileSync(join(folder, 'servers', 'a.yaml'), 'kind: [broken');
  await source.look();
  expect(names(source)).toEqual(['one']);
  expect(source.problems()).toMatchObject([{ file: 'a.yaml', line: 1 }]);
  write('a.yaml', ['one', 'One']);
  await source.look();
  expect(source.problems()).toEqual([]);
});

test.each([
  ['too large', (path: string) => writeFileSync(path, '#'.repeat(1024 * 1024 + 1)), /larger than 1 MiB; split it/],
  ['no file at all', (path: string) => mkdirSync(path), /cannot be read \(EISDIR\)/],
])(
  'a file that is %s is a problem of its own: it keeps what it defined, and others are followed',
  async (_, spoil, problem) => {
    write('a.yaml', ['one', 'One']);
    const source = open();
    await source.start();
    rmSync(join(folder, 'servers', 'a.yaml'));
    spoil(join(folder, 'servers', 'a.yaml'));
    write('b.yaml', ['two', 'Two']);
    await source.look();
    expect(names(source)).toEqual(['one', 'two']);
    expect(source.get('default/one')?.metadata.deletionTimestamp).toBeUndefined();
    expect(source.problems()).toEqual([{ file: 'a.yaml', line: 1, message: expect.stringMatching(problem) }]);
  },
);

test('a file that is replaced by removing it first is not deleted in between', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  keys.length = 0;
  rmSync(join(folder, 'servers', 'a.yaml'));
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  write('a.yaml', ['one', 'One'], ['two', 'Two']);
  await vi.waitFor(() => expect(names(source)).toEqual(['one', 'two']), { timeout: 5_000, interval: 5 });
  expect(keys).toEqual(['default/two']);
});

test('a changed spec is another generation of the same resource; an unchanged one is not told again', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  keys.length = 0;
  await source.look();
  expect(keys).toEqual([]);
  const { uid } = source.get('default/one')?.metadata ?? {};
  writeFileSync(
    join(folder, 'servers', 'a.yaml'),
    readFileSync(join(folder, 'servers', 'a.yaml'), 'utf8').replace('one:read', 'one:write'),
  );
  await source.look();
  expect(source.get('default/one')?.metadata).toMatchObject({ generation: 2, uid });
  expect(keys).toEqual(['default/one']);
});

test('a removed file marks its resource as deleted until the finalizer is gone', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  await source.addFinalizer(source.get('default/one') as never);
  rmSync(join(folder, 'servers', 'a.yaml'));
  await source.look();
  const deleting = source.get('default/one');
  expect(deleting?.metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z');
  expect(deleting?.metadata.finalizers).toEqual([FINALIZER]);
  await source.removeFinalizer(deleting as never);
  expect(source.get('default/one')).toBeUndefined();
  expect(await source.isGone({ namespace: 'default', name: 'one', uid: deleting?.metadata.uid ?? '' })).toBe(true);
});

test('a server that is gone is told, and so is whoever waits for its name', async () => {
  write('a.yaml', ['one', 'Shop']);
  const source = open();
  await source.start();
  await source.addFinalizer(source.get('default/one') as SourcedServer);
  write('b.yaml', ['two', 'SHOP']);
  rmSync(join(folder, 'servers', 'a.yaml'));
  await source.look();
  keys.length = 0;
  await source.removeFinalizer(source.get('default/one') as SourcedServer);
  expect(keys).toEqual(['default/one', 'default/two']);
});

test('a file removed while nothing ran is deleted after the next start', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  await source.addFinalizer(source.get('default/one') as never);
  await source.stop();
  rmSync(join(folder, 'servers', 'a.yaml'));
  const next = open();
  await next.start();
  expect(next.get('default/one')?.metadata.deletionTimestamp).toBeDefined();
});

test('a file that was broken while nothing ran keeps what it defined before', async () => {
  write('a.yaml', ['one', 'One'], ['two', 'Two']);
  const source = open();
  await source.start();
  await source.addFinalizer(source.get('default/two') as never);
  write('a.yaml', ['one', 'One']);
  await source.look();
  await source.stop();
  writeFileSync(join(folder, 'servers', 'a.yaml'), 'kind: [broken');
  const next = open();
  await next.start();
  expect(next.problems()).toMatchObject([{ file: 'a.yaml', line: 1 }]);
  expect(next.get('default/one')).toMatchObject({ spec: { serverName: 'One' }, metadata: { generation: 1 } });
  expect(next.get('default/one')?.metadata.deletionTimestamp).toBeUndefined();
  expect(next.get('default/two')?.metadata.deletionTimestamp).toBeDefined();
});

test('uid, creation time and status survive a restart', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  const before = source.get('default/one');
  await source.writeStatus(before as never, { serverName: 'One' });
  await source.stop();
  nowMs += 3_600_000;
  const next = open();
  await next.start();
  const after = next.get('default/one');
  expect(after?.metadata).toMatchObject({ uid: before?.metadata.uid, creationTimestamp: '2026-01-01T00:00:00Z' });
  expect(next.statusOf(after as never)).toEqual({ serverName: 'One' });
});

test('a renamed server is another resource', async () => {
  write('a.yaml', ['one', 'One']);
  const source = open();
  await source.start();
  const { uid } = source.get('default/one')?.metadata ?? {};
  write('a.yaml', ['one', 'Other']);
  await source.look();
  expect(source.get('default/one')?.metadata.uid).not.toBe(uid);
});

test('of two files that define one name the first counts and the second is a problem', async () => {
  write('a.yaml', ['one', 'One']);
  write('b.yaml', ['one', 'Other']);
  const source = open();
  await source.start();
  expect(source.get('default/one')?.spec).toMatchObject({ serverName: 'One' });
  expect(source.problems()).toMatchObject([{ file: 'b.yaml', message: expect.stringContaining('a.yaml') }]);
});

test('an emptied folder deletes nothing until it has been empty for a minute', async () => {
  write('a.yaml', ...Array.from({ length: 20 }, (_, index) => [`s${index}`, `S${index}`] as const));
  const source = open();
  await source.start();
  rmSync(join(folder, 'servers', 'a.yaml'));
  await source.look();
  const deleting = () => [...source.all()].filter(({ metadata }) => metadata.deletionTimestamp).length;
  expect(deleting()).toBe(0);
  nowMs += 60_000;
  await source.look();
  expect(deleting()).toBe(20);
});

test('a folder that is not there and a state file that is none are said in a sentence', async () => {
  rmSync(join(folder, 'servers'), { recursive: true });
  await expect(open().start()).rejects.toThrow(/servers does not exist; create it/);
  writeFileSync(join(folder, 'servers.json'), 'not json');
  expect(() => open()).toThrow(/servers\.json is not JSON; delete it/);
});

describe('a file that configures a server', () => {
  const RUNTIME = 'server: {name: Stock, version: "1"}\n';
  const writeText = (file: string, text: string) => writeFileSync(join(folder, 'servers', file), text);
  const serverNames = (source: FileSource) =>
    [...source.all()].map(({ spec }) => (spec as { serverName: string }).serverName);
  let runtimes: ToldRuntimes;
  beforeEach(() => {
    runtimes = new ToldRuntimes();
    writeText('stock.yaml', RUNTIME);
  });

  test('one that is empty for a moment, as while it is written, keeps its server', async () => {
    const source = open(runtimes);
    await source.start();
    writeFileSync(join(folder, 'servers', 'stock.yaml'), '');
    await source.look();
    expect(runtimes.followed.at(-1)).toEqual(['stock.yaml']);
  });

  test('is followed by whoever runs such servers, and is the resource that they say', async () => {
    write('a.yaml', ['one', 'One']);
    runtimes.tell('stock.yaml', 'Stock');
    const source = open(runtimes);
    await source.start();
    expect(runtimes.followed).toEqual([['stock.yaml']]);
    expect(names(source)).toEqual(['one', 'stock']);
    expect(source.problems()).toEqual([]);
  });

  test('is a resource as soon as its server runs, and none any more when the file is gone', async () => {
    const source = open(runtimes);
    await source.start();
    expect(names(source)).toEqual([]);
    runtimes.tell('stock.yaml', 'Stock');
    await vi.waitFor(() => expect(names(source)).toEqual(['stock']), { timeout: 5_000, interval: 5 });
    expect(source.remembered()['default/stock']).toMatchObject({ file: 'stock.yaml', serverName: 'Stock' });
    rmSync(join(folder, 'servers', 'stock.yaml'));
    await source.look();
    expect(runtimes.followed.at(-1)).toEqual([]);
    expect(source.get('default/stock')?.metadata.deletionTimestamp).toBeDefined();
  });

  test('keeps its resource while it is broken, and whoever runs it says what is wrong', async () => {
    runtimes.tell('stock.yaml', 'Stock');
    const source = open(runtimes);
    await source.start();
    const problem = { file: 'stock.yaml', line: 2, column: 1, message: 'oops' };
    writeText('stock.yaml', `${RUNTIME}oops: [\n`);
    runtimes.tell('stock.yaml', 'Stock', problem);
    await source.look();
    expect(runtimes.followed.at(-1)).toEqual(['stock.yaml']);
    expect(names(source)).toEqual(['stock']);
    expect(source.problems()).toEqual([problem]);
  });

  test('keeps what is remembered of it over a restart until it is known whether its server runs', async () => {
    runtimes.tell('stock.yaml', 'Stock');
    const before = open(runtimes);
    await before.start();
    const uid = before.get('default/stock')?.metadata.uid;
    await before.stop();

    runtimes = new ToldRuntimes();
    runtimes.begin('stock.yaml');
    const source = open(runtimes);
    await source.start();
    expect(source.get('default/stock')?.metadata).toMatchObject({ uid });
    expect(source.get('default/stock')?.metadata.deletionTimestamp).toBeUndefined();
    runtimes.tell('stock.yaml', undefined);
    await source.look();
    expect(source.get('default/stock')?.metadata.deletionTimestamp).toBeDefined();
  });

  test('that becomes an ordinary file of resources is not followed any more', async () => {
    runtimes.tell('stock.yaml', 'Stock');
    const source = open(runtimes);
    await source.start();
    write('stock.yaml', ['one', 'One']);
    await source.look();
    expect(runtimes.followed.at(-1)).toEqual([]);
    expect(
      names(source).filter((name) => source.get(`default/${name}`)?.metadata.deletionTimestamp === undefined),
    ).toEqual(['one']);
  });

  test.each([
    ['an Mcp2Server of the same server name', 'z.yaml', ['shop', 'STOCK'], 'the server STOCK in z.yaml'],
    [
      'an Mcp2Server of the name that its resource would have',
      'z.yaml',
      ['stock', 'Other'],
      'the server Other in z.yaml',
    ],
  ] as const)('%s counts, and is named', async (_title, file, server, named) => {
    runtimes.tell('stock.yaml', 'Stock');
    write(file, server);
    const source = open(runtimes);
    await source.start();
    expect(serverNames(source)).toEqual([server[1]]);
    const message = `Stock runs, but clients are told of ${named}; rename one of them, or remove that file`;
    expect(source.problems()).toEqual([{ file: 'stock.yaml', line: 1, message }]);
  });
});
