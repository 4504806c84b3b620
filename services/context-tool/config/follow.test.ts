import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import { type Applied, ConfigFollower, type FollowOptions, type NewState } from './follow.ts';
import { formatRuntimeProblem } from './problem.ts';
import { createConfigReader } from './read-config.ts';
import { createSecrets } from './secrets.ts';

const CONFIG = `server: {name: Stock, version: 1.0.0}
databases:
  stock: {postgres: {primary: {url: {fromFile: url}}}}
contexts:
  - key: stock:all
    query: {database: stock, sqlFile: all.sql, result: Rows}
  - key: company:address
    static: {file: address.txt}
tools:
  - name: price
    module: {file: price.mjs}
`;

const FILES: Readonly<Record<string, string>> = {
  'stock.yaml': CONFIG,
  'all.sql': 'SELECT 1',
  'address.txt': 'Main Street',
  'price.mjs': 'export default () => 1;',
  url: 'postgres://db/stock',
};

let folder: string;
let states: NewState[];
let said: string[][];
let refusal: Applied;
let clock: ManualClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-follow-'));
  [states, said, refusal, clock] = [[], [], [], new ManualClock()];
  for (const [name, content] of Object.entries(FILES)) write(name, content);
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
const readConfig = createConfigReader();

function follow(options: Partial<FollowOptions> = {}, file = join(folder, 'stock.yaml')): ConfigFollower {
  return new ConfigFollower({
    file,
    read: () => readConfig({ file, workingFolder: folder, sqlite: 'unchecked', secrets: createSecrets({}) }),
    apply: async (state) => {
      if (!('tryAgain' in refusal) && refusal.length === 0) states.push(state);
      return refusal;
    },
    onProblems: (problems) => said.push(problems.map(formatRuntimeProblem)),
    clock,
    ...options,
  });
}

/** A look that sees the change, and one that sees that it is over. */
async function lookTwice(follower: ConfigFollower): Promise<void> {
  await follower.look();
  await follower.look();
}

test('the first look takes what is there', async () => {
  const follower = follow();
  await follower.look();
  expect(states).toMatchObject([{ before: undefined, config: { server: { name: 'Stock' } } }]);
  expect(follower.inForce?.server.name).toBe('Stock');
});

test.each(['stock.yaml', 'all.sql', 'address.txt', 'price.mjs', 'url'])(
  'a change of %s is one new state that names the file',
  async (name) => {
    const follower = follow();
    await follower.look();
    write(name, `${FILES[name]} `);
    await lookTwice(follower);
    await lookTwice(follower);
    expect(states).toHaveLength(2);
    expect(states[1]).toMatchObject({ before: { server: { name: 'Stock' } }, changed: [join(folder, name)] });
  },
);

test('what a module imports is followed once it was loaded, also when it could not be put in force', async () => {
  let imported: string[] = [];
  const follower = follow({ moduleFiles: () => imported });
  write('part.mjs', '1');
  await follower.look();
  imported = ['price.mjs', 'part.mjs'].map((name) => join(folder, name));
  write('price.mjs', "import './part.mjs';");
  refusal = [{ file: 'price.mjs', line: 1, column: 1, path: '', message: 'cannot be loaded' }];
  await lookTwice(follower);
  expect(follower.problems).toHaveLength(1);
  refusal = [];
  write('part.mjs', '2');
  await lookTwice(follower);
  expect(states[1]?.changed).toContain(join(folder, 'part.mjs'));
  write('part.mjs', '3');
  await lookTwice(follower);
  expect(states[2]?.changed).toEqual([join(folder, 'part.mjs')]);
  await lookTwice(follower);
  expect(states).toHaveLength(3);
});

test('nothing new is no new state, also when a file is written again as it was', async () => {
  const follower = follow();
  await follower.look();
  for (const [name, content] of Object.entries(FILES)) write(name, content);
  await lookTwice(follower);
  await lookTwice(follower);
  expect(states).toHaveLength(1);
});

test('files that are written one after the other are one new state', async () => {
  const follower = follow();
  await follower.look();
  write('all.sql', 'SELECT 2');
  await follower.look();
  write('price.mjs', 'export default () => 2;');
  await follower.look();
  expect(states).toHaveLength(1);
  await follower.look();
  expect(states).toHaveLength(2);
  expect([...(states[1]?.changed ?? [])].sort()).toEqual([join(folder, 'all.sql'), join(folder, 'price.mjs')]);
});

test('a file that never settles is taken as it is after two seconds', async () => {
  const follower = follow();
  await follower.look();
  for (let round = 0; round < 9; round += 1) {
    write('address.txt', `Main Street ${round}`);
    await follower.look();
    await clock.advance(250);
  }
  expect(states).toHaveLength(2);
});

test('what is broken is told once and changes nothing; put right, it is in force', async () => {
  const follower = follow();
  await follower.look();
  write('all.sql', "SELECT ':name");
  await lookTwice(follower);
  await lookTwice(follower);
  expect(said).toEqual([
    ["all.sql:1:8: contexts[0].query.sqlFile: the text that begins here has no end: close it with '"],
  ]);
  expect(states).toHaveLength(1);
  write('all.sql', 'SELECT 2');
  await lookTwice(follower);
  expect(said).toHaveLength(2);
  expect(said[1]).toEqual([]);
  expect(states).toHaveLength(2);
});

test('back as it was before a mistake is no new state, and the problem is gone', async () => {
  const follower = follow();
  await follower.look();
  write('all.sql', '');
  await lookTwice(follower);
  write('all.sql', 'SELECT 1');
  await lookTwice(follower);
  expect(states).toHaveLength(1);
  expect(follower.problems).toEqual([]);
});

test('a file that is missing at the start is followed: when it comes, the server is there', async () => {
  rmSync(join(folder, 'url'));
  const follower = follow();
  await follower.look();
  expect(follower.inForce).toBeUndefined();
  expect(follower.problems).toMatchObject([{ path: 'databases.stock.postgres.primary.url.fromFile' }]);
  write('url', 'postgres://db/stock');
  await lookTwice(follower);
  expect(states).toHaveLength(1);
  expect(follower.problems).toEqual([]);
});

test.each([
  [
    'the name',
    /name: Stock/,
    'name: Shop',
    '1:16: server.name: the server runs as "Stock"; restart it for another name',
  ],
  [
    'the address',
    /databases/,
    'listen: 127.0.0.1:50061\ndatabases',
    '2:9: listen: the server listens where its process was told; restart it for another address',
  ],
  [
    'the kind of a database',
    /postgres: .*\}\}\}/,
    'sqlite: {file: a.db}}',
    '3:11: databases.stock.sqlite: "stock" runs as postgres; restart the server for another kind',
  ],
])('%s needs a restart, which is said; nothing else of that file is in force', async (_title, from, to, sentence) => {
  const follower = follow();
  await follower.look();
  write('stock.yaml', CONFIG.replace(from, to).replace('1.0.0', '2.0.0'));
  await lookTwice(follower);
  expect(said).toEqual([[`stock.yaml:${sentence}`]]);
  expect(states).toHaveLength(1);
  expect(follower.inForce?.server.version).toBe('1.0.0');
});

test('a state that cannot be put in force leaves the one before, and its files count as changed until one can', async () => {
  const follower = follow();
  await follower.look();
  refusal = [{ file: 'price.mjs', line: 1, column: 1, path: '', message: 'has no export "default"' }];
  write('price.mjs', 'export const a = 1;');
  await lookTwice(follower);
  expect(said).toEqual([['price.mjs:1:1: has no export "default"']]);
  refusal = [];
  write('all.sql', 'SELECT 2');
  await lookTwice(follower);
  expect(states[1]?.changed.map((path) => path.slice(folder.length + 1)).sort()).toEqual(['all.sql', 'price.mjs']);
});

test('what something around the files stood in the way of is tried again without a change, every three seconds', async () => {
  refusal = { tryAgain: [{ file: 'stock.yaml', line: 1, column: 1, path: '', message: 'the port is in use' }] };
  const follower = follow();
  await follower.look();
  expect(follower.problems).toMatchObject([{ message: 'the port is in use' }]);
  refusal = [];
  await lookTwice(follower);
  expect(states).toEqual([]);
  await clock.advance(3_000);
  await follower.look();
  expect(states).toHaveLength(1);
  expect(follower.problems).toEqual([]);
});

test('the swap of a mounted ConfigMap is one change, within five seconds', async () => {
  const mounted = join(folder, 'mounted');
  const swap = (edition: string, version: string) => {
    mkdirSync(join(mounted, edition), { recursive: true });
    for (const [name, content] of Object.entries(FILES))
      writeFileSync(join(mounted, edition, name), content.replace('1.0.0', version));
    symlinkSync(edition, join(mounted, '..data_tmp'));
    renameSync(join(mounted, '..data_tmp'), join(mounted, '..data'));
  };
  swap('..1', '1.0.0');
  for (const name of Object.keys(FILES)) symlinkSync(join('..data', name), join(mounted, name));
  const stop = new AbortController();
  const follower = follow({ clock: systemClock }, join(mounted, 'stock.yaml'));
  await follower.look();
  const following = follower.run(stop.signal);
  swap('..2', '2.0.0');
  const startMs = performance.now();
  await expect.poll(() => follower.inForce?.server.version, { timeout: 5_000 }).toBe('2.0.0');
  expect(performance.now() - startMs).toBeLessThan(5_000);
  stop.abort();
  await following;
  expect(states).toHaveLength(2);
});
