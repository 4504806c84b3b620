/** The context-tool as a process of its own: what it answers, what it shows, how it ends, and how a start fails. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ContextToolProcess, endOfContextTool, startContextTool } from '../harness/context-tool-process.ts';
import { reasonOf } from '../harness/context-tool-server.ts';
import { eventually } from '../harness/eventually.ts';
import { otherAddress, startUpstream, type Upstream } from '../harness/http-upstream.ts';

const state = mkdtempSync(join(tmpdir(), 'mcp2-runtime-state-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

const SERVER = 'server: {name: Stock, version: 1.2.0}\n';

const MODULES = `
export const price = ({ sku, count }) => ({ price: 100 - count, sku });
export async function slow({ ms }) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { waited: ms };
}
`;

const configuration = (upstream: Upstream) => `${SERVER}
databases:
  stock: {sqlite: {file: ${state}/stock.db, init: [stock.sql]}}
contexts:
  - key: company:address
    static: {text: Main Street, contentType: text/plain}
    cache: {ttl: 1m, scope: Public}
  - key: stock:{sku}:count
    parameters: {type: object, properties: {least: {type: integer}}, additionalProperties: false}
    query: {database: stock, sqlFile: count.sql, result: Value}
  - key: weather:{city}
    http: {url: "${upstream.origin}/v1/{city}"}
  - key: local:{any}
    http: {url: "http://127.0.0.1:${upstream.port}/{any}"}
tools:
  - name: price
    input: {type: object, properties: {sku: {type: string}, count: {type: integer}}, required: [sku, count]}
    module: {file: tools.mjs, export: price}
  - name: slow
    input: {type: object, properties: {ms: {type: integer}}, required: [ms]}
    module: {file: tools.mjs, export: slow, timeout: 1m}
  - name: reserve
    input: {type: object, properties: {sku: {type: string}, count: {type: integer}}, required: [sku, count]}
    statement:
      database: stock
      sql: UPDATE stock SET count = count - :count WHERE sku = :sku AND count >= :count RETURNING count AS "left"
      result: Row
  - name: notify
    input: {type: object, properties: {text: {type: string}}}
    http: {method: POST, url: "${upstream.origin}/notify", body: {json: {said: "{text}"}}}
`;

const SQL = {
  'stock.sql': "CREATE TABLE stock (sku TEXT, count INTEGER);\nINSERT INTO stock VALUES ('a', 7), ('b', 9);\n",
  'count.sql': 'SELECT count FROM stock WHERE sku = :sku AND count >= coalesce(:least, 0)\n',
};

/** Ports that listen make no difference between loopback and the machine's own address: a pod may ask the second alone. */
const startWeather = () =>
  startUpstream(
    ({ target, body }, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(body === '' ? JSON.stringify({ at: target }) : JSON.stringify({ got: JSON.parse(body) }));
    },
    { host: otherAddress() },
  );

describe('a process with sources of every kind', () => {
  let upstream: Upstream;
  let running: ContextToolProcess;

  beforeAll(async () => {
    upstream = await startWeather();
    running = await startContextTool({
      files: { 'server.yaml': configuration(upstream), 'tools.mjs': MODULES, ...SQL },
    });
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  test('answers from a constant, a database, an upstream and a module', async () => {
    const { calls } = running;
    expect(await calls.request('company:address')).toMatchObject({
      serialized_value: Buffer.from('Main Street'),
      content_type: 'text/plain',
      cache_ttl_ms: 60_000,
    });
    expect(await calls.read('stock:a:count')).toBe('7');
    expect(await reasonOf(calls.read('stock:a:count', { least: '8' }))).toBe('CONTEXT_UNKNOWN');
    expect(await calls.read('weather:Bern')).toBe('{"at":"/v1/Bern"}');
    expect(await calls.run('price', { sku: 'a', count: '42' })).toEqual({ price: '58', sku: 'a' });
    expect(await calls.run('reserve', { sku: 'b', count: '2' })).toEqual({ left: '7' });
    expect(await calls.run('notify', { text: 'hello' })).toEqual({ got: '{"said":"hello"}' });
  });

  test('asks nobody on its own machine: it is no laptop', async () => {
    expect(await reasonOf(running.calls.read('local:any'))).toBe('BACKEND_REFUSED');
  });

  test('says what it declares in its card, with the pins that its tools accept', async () => {
    const { calls } = running;
    const { name, version, contexts = [], tools = [] } = await calls.card();
    expect({ name, version, keys: contexts.map(({ key }) => key) }).toEqual({
      name: 'Stock',
      version: '1.2.0',
      keys: ['company:address', 'stock:{sku}:count', 'weather:{city}', 'local:{any}'],
    });
    const pin = Buffer.from(tools.find((tool) => tool.name === 'price')?.schema_hash ?? '', 'hex');
    expect(pin).toHaveLength(32);
    const args = { sku: 'a', count: '1' };
    expect(await calls.run('price', args, { schema_hash: pin })).toEqual({ price: '99', sku: 'a' });
    expect(await reasonOf(calls.invoke('price', args, { schema_hash: Buffer.alloc(32) }))).toBe('SCHEMA_CHANGED');
  });

  test('is ready, and shows what it counts', async () => {
    await running.calls.read('company:address');
    expect(await running.metric('mcp2_configuration_current')).toBe(1);
    expect(await running.metric('mcp2_configuration_reloads_total', { result: 'refused' })).toBe(0);
    expect(await running.metric('mcp2_broken_declarations')).toBe(0);
    expect(await running.metric('mcp2_module_children', { module: 'tools.mjs' })).toBeGreaterThan(0);
    expect(await running.metric('grpc_server_handled_total', { grpc_method: 'RequestContext' })).toBeGreaterThan(0);
    expect(await running.metric('nodejs_version_info')).toBe(1);
  });

  test('logs a denial with what was asked for and who asked, and never a token', async () => {
    const { calls, tokens, process } = running;
    const token = await tokens.mint({ aud: ['Stock'], sub: 'shop.other', capabilities: ['tool:price'] });
    const denied = calls.contextTool.call('RequestContext', { context_key: 'stock:a:count', capability_token: token });
    expect(await reasonOf(denied)).toBe('CAPABILITY_DENIED');
    const tool = calls.contextTool.call('InvokeTool', { tool_name: 'reserve', capability_token: token });
    expect(await reasonOf(tool)).toBe('CAPABILITY_DENIED');
    const lines = await eventually(
      () => running.logged('call denied'),
      (found) => found.length === 2,
    );
    expect(lines).toMatchObject([
      { resource: 'stock:a:count', sub: 'shop.other', reason: 'CAPABILITY_DENIED' },
      { resource: 'reserve', sub: 'shop.other', reason: 'CAPABILITY_DENIED' },
    ]);
    const log = await process.log();
    for (const part of [...token.split('.'), ...calls.token.split('.')].slice(1)) expect(log).not.toContain(part);
  });

  test('ends in order on SIGTERM: a call that runs is answered, readiness says no, no child stays', async () => {
    const { calls, opsPort, process } = running;
    const children = childrenOf(process.pid ?? 0);
    expect(children.length).toBeGreaterThan(1);
    const begun = () => running.metric('grpc_server_started_total', { grpc_method: 'InvokeTool' });
    const before = (await begun()) ?? 0;
    const call = calls.run('slow', { ms: '1500' });
    await eventually(begun, (count) => count === before + 1);
    const stopped = process.stop();
    const readiness = eventually(
      () => fetch(`http://127.0.0.1:${opsPort}/readyz`),
      ({ status }) => status === 503,
    );
    expect(await call).toEqual({ waited: '1500' });
    await readiness;
    expect(await stopped).toEqual({ code: 0, signal: null });
    expect(children.filter(isAlive)).toEqual([]);
    expect(statSync(join(state, 'stock.db')).size).toBeGreaterThan(0);
  });
});

const STATIC = `${SERVER}contexts: [{key: a:b, static: {text: c}}]\n`;

describe('a start that fails ends the process with 1', () => {
  test('a broken configuration: every mistake with file, line and column, and no stack', async () => {
    const text = `${SERVER}
databases:
  stock: {sqlite: {file: ${state}/new.db, init: [stock.sql]}}
contexts:
  - key: stock:{sku}:count
    query: {database: stocks, sqlFile: count.sql, result: Value}
  - key: company:address
    statics: {text: Main Street}
tools:
  - name: price
    module: {file: prices.mjs}
`;
    const { code, stderr } = await endOfContextTool({
      files: { 'server.yaml': text, ...SQL, 'count.sql': 'SELECT 1 WHERE :ski = 1' },
    });
    expect(code).toBe(1);
    expect(stderr.split('\n')).toEqual([
      'mcp2 context-tool: the configuration has mistakes:',
      expect.stringMatching(/^ {2}count\.sql:1:16: contexts\[0\]\.query\.sqlFile: ":ski" is no segment of the key/),
      expect.stringMatching(/^ {2}server\.yaml:\d+:\d+: contexts\[0\]\.query\.database: there is no database "stocks"/),
      expect.stringMatching(/^ {2}server\.yaml:9:5: contexts\[1\]\.statics: unknown field "statics", did you mean/),
      expect.stringMatching(/^ {2}server\.yaml:12:20: tools\[0\]\.module\.file: "prices\.mjs" cannot be read/),
      '',
    ]);
  });

  test('what only the database and the module can say is said the same way', async () => {
    const text = `${SERVER}
databases:
  stock: {sqlite: {file: ${state}/typo.db, init: [stock.sql]}}
contexts:
  - key: stock:{sku}:count
    query: {database: stock, sqlFile: count.sql, result: Value}
tools:
  - name: price
    module: {file: prices.mjs, export: prices}
  - name: broken
    module: {file: broken.mjs}
`;
    const { code, stderr } = await endOfContextTool({
      files: {
        'server.yaml': text,
        ...SQL,
        'count.sql': 'SELECT cuont\nFROM stocks WHERE sku = :sku',
        'prices.mjs': 'export const price = () => ({});',
        'broken.mjs': 'export default (;',
      },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ {2}count\.sql:\d+:\d+: contexts\[0\]\.query\.sqlFile: .*no such table: stocks/m);
    expect(stderr).toMatch(
      /^ {2}server\.yaml:10:5: tools\[0\]\.module: .*has no function "prices"; its functions are: price$/m,
    );
    expect(stderr).toMatch(/^ {2}server\.yaml:12:5: tools\[1\]\.module: .*cannot be loaded: /m);
    expect(stderr).not.toContain('    at ');
  });

  test('a secret that is not there is named by its place', async () => {
    const text = `${SERVER}
databases:
  stock: {postgres: {primary: {url: {fromFile: url}}, replicas: [{url: {fromEnv: REPLICA_URL}}]}}
contexts: [{key: "stock:{sku}", query: {database: stock, sql: "SELECT :sku", result: Value}}]
`;
    const { code, stderr } = await endOfContextTool({ files: { 'server.yaml': text } });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /server\.yaml:4:48: databases\.stock\.postgres\.primary\.url\.fromFile: the secret file ".*\/url" cannot be read/,
    );
    expect(stderr).toMatch(
      /server\.yaml:4:\d+: databases\.stock\.postgres\.replicas\[0\]\.url\.fromEnv: the environment variable REPLICA_URL is not set/,
    );
  });

  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { code, stderr } = await endOfContextTool({
      files: { 'server.yaml': STATIC },
      env: { MCP2_LISTEN: `127.0.0.1:${port}` },
    });
    taken.close();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`127.0.0.1:${port}: the port is in use`),
    });
  });

  test('a configuration that is not there, and settings that are missing', async () => {
    const missing = await endOfContextTool({ files: {} });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/server\.yaml:1:1: cannot be read: /);
    const unset = await endOfContextTool({ files: {}, env: { MCP2_CONTEXT_TOOL_CONFIG: '', MCP2_ISSUER: '' } });
    expect(unset.code).toBe(1);
    for (const name of ['MCP2_CONTEXT_TOOL_CONFIG', 'MCP2_ISSUER']) expect(unset.stderr).toContain(name);
  });
});

/** The figure is the bench's (two seconds, warm); here it must not be another order of magnitude. */
test('a start takes a moment, with a database and modules too', async () => {
  const text = `${SERVER}
databases:
  stock: {sqlite: {file: ${state}/start.db, init: [stock.sql]}}
contexts: [{key: "stock:{sku}", query: {database: stock, sqlFile: count.sql, result: Value}}]
tools: [{name: price, module: {file: tools.mjs, export: price}}]
`;
  await using running = await startContextTool({
    files: {
      'server.yaml': text,
      'tools.mjs': MODULES,
      ...SQL,
      'count.sql': 'SELECT count FROM stock WHERE sku = :sku',
    },
  });
  expect(running.startMs).toBeLessThan(20_000);
  expect(await running.calls.read('stock:a')).toBe('7');
});

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'ppid=,pid='], { encoding: 'utf8' });
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([parent, child]) => (parent === pid && child !== undefined ? [child] : []));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
