/** A reload changes everything at one moment or nothing, with calls going on all the time. */
import { spawnSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Texts } from '../harness/context-tool-calls.ts';
import { startRuntime, type TestRuntime } from '../harness/context-tool-runtime.ts';
import { reasonOf } from '../harness/context-tool-server.ts';
import { eventually } from '../harness/eventually.ts';
import { startUpstream, type Upstream } from '../harness/http-upstream.ts';

/** One configuration whole: every part of it says which edition it is of. */
const edition = (n: number, upstream: Upstream): Texts => ({
  'server.yaml': `server: {name: Stock, version: 1.0.${n}}
databases:
  stock: {sqlite: {file: stock.db, init: [stock.sql]}}
contexts:
  - key: fixed:edition
    static: {text: "${n}", contentType: text/x-${n}}
    cache: {ttl: 1h, scope: ${scopeOf(n)}}
  - key: stored:edition
    query: {database: stock, sqlFile: edition.sql, result: Value}
    cache: {ttl: 1h, scope: Private}
  - key: distant:edition
    http: {url: "${upstream.origin}/editions/${n}"}
tools:
  - name: module
    output: {type: object, properties: {edition: {const: ${n}}, of: {const: ${n}}}, required: [edition, of]}
    module: {file: edition.mjs, processes: 3}
  - name: statement
    statement: {database: stock, sqlFile: edition.sql, result: Row}
`,
  'edition.sql': `SELECT '${n}' AS edition`,
  'edition.mjs': `import { of } from './of.mjs';\nexport default () => ({ edition: ${n}, of });\n`,
  'of.mjs': `export const of = ${n};\n`,
  'stock.sql': 'CREATE TABLE stock (sku TEXT);\n',
});

/** Of CacheScope in the protocol. */
const CACHE_SCOPE_PRIVATE = 0;
const CACHE_SCOPE_PUBLIC = 1;

const scopeOf = (n: number) => (n % 2 === 0 ? 'Public' : 'Private');

const startEditions = () => startUpstream(({ target }, response) => response.end(target.replace('/editions/', '')));

/** Each way to learn which edition answers. Each rejects when its answer is not of one edition whole. */
function questions({ calls }: TestRuntime): readonly (() => Promise<number>)[] {
  return [
    async () => {
      const { serialized_value: value, content_type: type, cache_scope: scope } = await calls.request('fixed:edition');
      const n = Number(value);
      expect([type, scope]).toEqual([
        `text/x-${n}`,
        scopeOf(n) === 'Public' ? CACHE_SCOPE_PUBLIC : CACHE_SCOPE_PRIVATE,
      ]);
      return n;
    },
    async () => Number(JSON.parse(await calls.read('stored:edition'))),
    async () => Number(await calls.read('distant:edition')),
    async () => Number(((await calls.run('module')) as Texts).edition),
    async () => Number(((await calls.run('statement')) as Texts).edition),
    async () => Number((await calls.card()).version.replace('1.0.', '')),
  ];
}

interface Asking {
  readonly answers: () => number;
  /** Resolves to how many answers there were of each edition. @throws the first failure */
  stop(): Promise<ReadonlyMap<number, number>>;
}

/** One caller: a question after the other, without a pause. An edition that was seen is never followed by an older one. */
function askOn(runtime: TestRuntime, first: number): Asking {
  const counts = new Map<number, number>();
  let isStopped = false;
  let answers = 0;
  const asking = (async () => {
    const all = questions(runtime);
    let newest = 0;
    for (let i = first; !isStopped; i += 1) {
      const n = (await all[i % all.length]?.()) ?? Number.NaN;
      if (!(n >= newest)) throw new Error(`question ${i % all.length} answered edition ${n} after ${newest}`);
      newest = n;
      counts.set(n, (counts.get(n) ?? 0) + 1);
      answers += 1;
    }
    return counts;
  })();
  asking.catch(() => undefined);
  return {
    answers: () => answers,
    async stop() {
      isStopped = true;
      return asking;
    },
  };
}

describe('50 reloads with calls going on', { timeout: 300_000 }, () => {
  test('no call fails, each answer is of one edition whole, and none is older than the one before', async () => {
    await using upstream = await startEditions();
    await using runtime = await startRuntime({ files: edition(0, upstream) });
    const callers = Array.from({ length: 3 }, (_, i) => askOn(runtime, i));
    const children: number[] = [];
    const heaps: number[] = [];
    for (let n = 1; n <= 50; n += 1) {
      runtime.write(edition(n, upstream));
      expect(await runtime.reload()).toEqual([]);
      // Nothing newer than what is in force is kept, and nothing older answers from a cache.
      for (const ask of questions(runtime)) expect(await ask()).toBe(n);
      children.push(childrenOf(process.pid));
      if (n % 10 === 0) heaps.push(heapBytes());
    }
    const seen = await Promise.all(callers.map((caller) => caller.stop()));
    const editions = new Set(seen.flatMap((counts) => [...counts.keys()]));
    expect(editions.size).toBeGreaterThan(25);
    // Two configurations at a time: 3 of a module and the database's 3, twice, and what is just ending.
    expect(Math.max(...children)).toBeLessThanOrEqual(16);
    const [early = 0, late = 0] = [heaps[0], heaps.at(-1)];
    expect(late - early).toBeLessThan(24 * 1024 * 1024);
    expect(await runtime.metric('mcp2_configuration_reloads_total', { result: 'applied' })).toBe(50);
    await eventually(
      () => runtime.metric('mcp2_module_children'),
      (count) => count <= 3,
    );
  });
});

/** A statement that takes about a second. */
const SLOW = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) FROM n`;

const config = (text: string): Texts => ({ 'server.yaml': `server: {name: Stock, version: 1.0.0}\n${text}` });

test('calls that run or wait end on the configuration that they began with, also when its database and module are gone', async () => {
  const slowMs = 800;
  await using upstream = await startUpstream(
    (_request, response) => void setTimeout(() => response.end('old'), slowMs),
  );
  await using runtime = await startRuntime({
    files: {
      ...config(`
databases: {old: {sqlite: {file: old.db, init: [stock.sql]}}}
contexts:
  - {key: "slow:statement", query: {database: old, sqlFile: slow.sql, result: Value}}
  - {key: "slow:upstream", http: {url: "${upstream.origin}/"}}
tools:
  - {name: slow, module: {file: slow.mjs, processes: 1}}
`),
      'slow.sql': SLOW,
      'slow.mjs': `export default () => new Promise((resolve) => setTimeout(() => resolve({ edition: 'old' }), ${slowMs}));`,
      'stock.sql': 'CREATE TABLE stock (sku TEXT);',
    },
  });
  const { calls } = runtime;
  // From here on the token is known, so that a call that was counted has begun.
  await calls.card();
  const began = [
    // Two run, three wait for them.
    ...Array.from({ length: 5 }, () => calls.read('slow:statement')),
    calls.read('slow:upstream'),
    ...Array.from({ length: 2 }, () => calls.run('slow')),
  ];
  await eventually(
    () => runtime.metric('grpc_server_started_total', { grpc_service: 'mcp2.ContextTool' }),
    (count) => count === began.length,
  );
  runtime.write({ ...config('contexts: [{key: "slow:statement", static: {text: new}}]'), 'slow.mjs': 'broken(' });
  expect(await runtime.reload()).toEqual([]);
  expect(await calls.read('slow:statement')).toBe('new');
  expect(await reasonOf(calls.run('slow'))).toBe('TOOL_UNKNOWN');
  const answers = await Promise.all(began);
  expect(answers).toEqual([...Array(5).fill('2000000'), 'old', ...Array(2).fill({ edition: 'old' })]);
  await eventually(
    () => childrenOf(process.pid),
    (count) => count === 0,
    { what: 'the end of all children' },
  );
});

describe('a state that cannot be served', () => {
  const good = (): Texts => ({
    ...config(`
databases: {stock: {sqlite: {file: stock.db, init: [stock.sql]}}}
contexts: [{key: "stock:count", query: {database: stock, sqlFile: count.sql, result: Value}}]
tools:
  - {name: part, module: {file: part.mjs}}
  - {name: exit, module: {file: part.mjs, export: exit}}
`),
    'stock.sql': 'CREATE TABLE stock (sku TEXT); INSERT INTO stock VALUES (1), (2);',
    'count.sql': 'SELECT count(*) FROM stock',
    'part.mjs': `import { of } from './of.mjs';\nexport default () => ({ of });\nexport const exit = () => process.exit(3);\n`,
    'of.mjs': `export const of = 'good';\n`,
  });

  test.each([
    [
      'a typo in SQL',
      { 'count.sql': 'SELECT count(*) FROM stocks' },
      /^count\.sql:1:22 contexts\[0\].*no such table: stocks/,
    ],
    [
      'a module that cannot be loaded',
      { 'part.mjs': 'export default (' },
      /^server\.yaml:6:18 tools\[0\].*cannot be loaded/,
    ],
    [
      'an import that is broken',
      { 'of.mjs': 'export const o = 1;' },
      /^server\.yaml:6:18 tools\[0\].*does not provide an export named 'of'/,
    ],
    [
      'two mistakes at once',
      { 'part.mjs': '', 'count.sql': 'SELECT x' },
      /^count\.sql.*no such column: x\nserver\.yaml.*has no function/,
    ],
  ])(
    '%s changes nothing, also not for processes that are started later; put right it is in force',
    async (_title, files, problem) => {
      await using runtime = await startRuntime({ files: good() });
      const { calls } = runtime;
      runtime.write({ ...files, 'server.yaml': good()['server.yaml']?.replace('1.0.0', '2.0.0') ?? '' });
      const problems = await runtime.reload();
      expect(
        problems
          .map(({ file, line, column, path, message }) => `${file}:${line}:${column} ${path}: ${message}`)
          .join('\n'),
      ).toMatch(problem);
      expect(await calls.read('stock:count')).toBe('2');
      expect(await reasonOf(calls.invoke('exit'))).toBe('MODULE_FAILED');
      expect(await calls.run('part')).toEqual({ of: 'good' });
      expect((await calls.card()).version).toBe('1.0.0');
      runtime.write({ ...good(), 'of.mjs': `export const of = 'better';\n` });
      expect(await runtime.reload()).toEqual([]);
      expect(await calls.run('part')).toEqual({ of: 'better' });
    },
  );
});

test('an answer that is kept for its key outlives a reload, unless the schema of its tool is another one', async () => {
  const files = (schema: string): Texts => ({
    ...config(`tools: [{name: count, input: ${schema}, module: {file: count.mjs}}]`),
    'count.mjs': "let runs = 0;\nexport default () => ({ run: [process.pid, ++runs].join('-') });\n",
  });
  await using runtime = await startRuntime({ files: files('{type: object}') });
  const { calls } = runtime;
  const run = () => calls.run('count', {}, { idempotency_key: 'k' });
  const first = await run();
  expect(await calls.run('count')).not.toEqual(first);
  runtime.write({ 'count.mjs': "export default () => ({ run: 'new' });" });
  await runtime.reload();
  expect(await run()).toEqual(first);
  expect(await calls.run('count')).toEqual({ run: 'new' });
  const [before] = (await calls.card()).tools ?? [];
  runtime.write(files('{type: object, properties: {a: {type: string}}}'));
  await runtime.reload();
  const again = await run();
  expect(again).not.toEqual(first);
  expect(await run()).toEqual(again);
  const [after] = (await calls.card()).tools ?? [];
  expect(after?.schema_hash).not.toBe(before?.schema_hash);
  const pinned = (pin: string | undefined) => calls.invoke('count', {}, { schema_hash: Buffer.from(pin ?? '', 'hex') });
  expect(await reasonOf(pinned(before?.schema_hash))).toBe('SCHEMA_CHANGED');
  expect(await reasonOf(pinned(after?.schema_hash))).toBe('answered');
});

test('a cached answer is one of the configuration that made it', async () => {
  const files = (text: string, ttl: string) =>
    config(`contexts: [{key: "a:b", static: {text: ${text}}, cache: {ttl: ${ttl}, scope: Public}}]`);
  await using runtime = await startRuntime({ files: files('old', '1h') });
  const { calls } = runtime;
  expect(await calls.read('a:b')).toBe('old');
  expect(await calls.read('a:b')).toBe('old');
  runtime.write(files('new', '2s'));
  await runtime.reload();
  const { serialized_value: value, cache_ttl_ms: ttlMs } = await calls.request('a:b');
  expect([value.toString(), Number(ttlMs) <= 2_000]).toEqual(['new', true]);
  expect(await runtime.metric('mcp2_context_cache_requests_total', { result: 'hit' })).toBe(1);
});

/** Processes of modules and databases. */
function childrenOf(pid: number): number {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'ppid=,args='], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.trim().startsWith(`${pid} `) && line.includes('/context-tool/'))
    .length;
}

/** After a collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
