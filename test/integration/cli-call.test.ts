/** `mcp2 context`, `mcp2 call` and `mcp2 describe` beside a real `mcp2 up` and servers made with mcp2/server. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { silentLogger } from '#lib/logger.ts';
import { createServer, type Mcp2Server, ToolFailed } from '#sdk/server/index.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, type Ended, type Standalone, serverYaml } from '../harness/mcp2-command.ts';
import { runMcp2Here } from '../harness/mcp2-here.ts';

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]);

let up: Standalone;
const servers: Mcp2Server[] = [];
let reservations = 0;
const seen: Record<string, unknown>[] = [];

beforeAll(async () => {
  up = await createStandalone();
  await up.start();
  await serve('InventoryDB_Primary', ['db:inventory:read', 'tool:reserve_stock', 'tool:draw'], declareInventory);
  await serve('PricingRules', ['tool:compute_pricing', 'tool:echo', 'tool:slow'], declarePricing);
  await eventually(
    () => up.run(['get', 'servers', '-o', 'json']),
    ({ stdout }) => (stdout.match(/"reason": "Serving"/g) ?? []).length >= 2,
    { timeoutMs: 30_000, what: 'both servers ready' },
  );
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await up[Symbol.asyncDispose]();
});

async function serve(name: string, capabilities: readonly string[], declare: (server: Mcp2Server) => void) {
  const trust = { issuer: 'mcp2:local', jwksFile: join(up.state, 'jwks.json') };
  const server = createServer({ name, version: '1.2.0', trust, log: silentLogger });
  declare(server);
  servers.push(server);
  const { port } = await server.listen('127.0.0.1:0');
  const yaml = serverYaml({ name: name.toLowerCase().replace('_', '-'), serverName: name, port });
  const listed = capabilities.map((capability) => `    - name: ${capability}\n`).join('');
  writeFileSync(join(up.files, `${name}.yaml`), yaml.replace(/ {4}- name: .*\n {4}- name: .*\n/, listed));
}

function declareInventory(server: Mcp2Server): void {
  const parameters = { properties: { warehouse: { type: 'string' }, min_qty: { type: 'integer', minimum: 0 } } };
  server.context(
    'inventory:{sku}:stock_count',
    { description: 'Units in stock.\nOver all\u001b[31m warehouses.', parameters: { type: 'object', ...parameters } },
    ({ sku }, given: Record<string, unknown>) =>
      sku === 'prod_12345' ? (given.warehouse === 'NY' ? 30 : 42) : undefined,
  );
  server.context('inventory:{sku}:warehouses', {}, () => [
    { warehouse: 'NY', quantity: 30 },
    { warehouse: 'SF', quantity: 12 },
  ]);
  server.context('inventory:{sku}:picture', { contentType: 'image/png' }, () => PNG);
  const input = {
    type: 'object',
    properties: { sku: { type: 'string', examples: ['prod_12345'] }, quantity: { type: 'integer', minimum: 1 } },
    required: ['sku', 'quantity'],
    additionalProperties: false,
  };
  server.tool('reserve_stock', { input, description: 'Reserves units.' }, ({ quantity }: Record<string, unknown>) => {
    reservations += 1;
    return { reserved: quantity, run: reservations };
  });
  server.tool('draw', {}, () => ({ image: PNG, note: 'evil \u001b[2J\u202e text', count: 1 }));
}

function declarePricing(server: Mcp2Server): void {
  const input = {
    type: 'object',
    properties: { sku: { type: 'string' }, stock_count: { type: 'integer' } },
    required: ['sku', 'stock_count'],
  };
  const output = { type: 'object', properties: { price: { type: 'number' }, sku: { type: 'string' } } };
  const about = { input, output, idempotent: true, readOnly: true, description: 'A price.' };
  server.tool('compute_pricing', about, ({ sku, stock_count }: Record<string, unknown>) => {
    if (sku === 'nothing') throw new ToolFailed('SKU_UNKNOWN', 'there is no product "nothing"');
    return { price: 100 - 0.1 * Number(stock_count), sku };
  });
  server.tool('echo', {}, (args: Record<string, unknown>) => {
    seen.push(args);
    return { args: JSON.stringify(args) };
  });
  server.tool(
    'slow',
    {},
    (_args, call) => new Promise((_done, fail) => call.signal.addEventListener('abort', () => fail(new Error('gone')))),
  );
}

const run = (args: readonly string[], options: Parameters<Standalone['run']>[1] = {}) => up.run(args, options);
const json = ({ stdout }: Ended) => JSON.parse(stdout);

test('a context is one line; its server is said beside it', async () => {
  const key = 'inventory:prod_12345:stock_count';
  expect(await run(['context', key])).toEqual({ code: 0, stdout: '42\n', stderr: 'from InventoryDB_Primary\n' });
  expect((await run(['context', key, '--param', 'warehouse=NY', '--param', 'min_qty=3'])).stdout).toBe('30\n');
  expect(json(await run(['context', key, '-o', 'json']))).toMatchObject({
    ...{ server: 'InventoryDB_Primary', value: 42, content_type: 'application/json' },
  });
  expect(parse((await run(['context', key, '-o', 'yaml'])).stdout)).toMatchObject({ value: 42 });
  expect((await run(['context', key, '-o', 'raw'])).stdout).toBe('42');
});

test('rows are a table', async () => {
  const { stdout } = await run(['context', 'inventory:prod_12345:warehouses']);
  expect(stdout).toBe('QUANTITY   WAREHOUSE\n30         NY\n12         SF\n');
});

test('bytes go into a file or a pipe as they are', async () => {
  const file = join(up.files, '..', 'picture.png');
  const key = 'inventory:prod_12345:picture';
  expect(await run(['context', key, '--out', file])).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('5 bytes'),
  });
  expect(readFileSync(file)).toEqual(PNG);
  expect((await run(['context', key])).stdout).toBe('(5 bytes, no text)\n');
  expect(json(await run(['context', key, '-o', 'json'])).value).toBe(PNG.toString('base64'));
  await run(['call', 'draw', '--field', 'image', '--out', file]);
  expect(readFileSync(file)).toEqual(PNG);
});

test('a tool gets its arguments by their types, however they are written', async () => {
  const expected = { server: 'PricingRules', success: true, value: { price: 95.8, sku: 'prod_12345' } };
  const text = '{"sku": "prod_12345", "stock_count": 42}';
  const file = join(up.files, '..', 'arguments.json');
  writeFileSync(file, text);
  const ways: readonly (readonly [readonly string[], object])[] = [
    [['--arg', 'sku=prod_12345', '--arg', 'stock_count=42'], {}],
    [['--json', text], {}],
    [['--json', file], {}],
    [['--json', '-'], { input: text }],
  ];
  for (const [args, options] of ways) {
    expect(json(await run(['call', 'compute_pricing', ...args, '-o', 'json'], options))).toMatchObject(expected);
  }
  const { stdout } = await run(['call', 'compute_pricing', '--json', text]);
  expect(stdout).toBe('NAME    VALUE\nprice   95.8\nsku     prod_12345\n');
  const price = await run(['call', 'compute_pricing', '--json', text, '-o', 'raw', '--field', 'price']);
  expect(price.stdout).toBe('95.8');
});

test('arguments that no schema describes arrive as they are', async () => {
  const file = join(up.files, '..', 'argument.bin');
  writeFileSync(file, 'a=b\n');
  await run(['call', 'echo', '--arg', 'a=1', '--arg', 'b=x=y', '--arg-file', `c=${file}`]);
  expect(seen.at(-1)).toEqual({ a: '1', b: 'x=y', c: 'a=b\n' });
  await run(['call', 'echo', '--json', '{"a": 1, "a b": [null], "constructor": true}']);
  expect(seen.at(-1)).toEqual({ a: 1, 'a b': [null], constructor: true });
});

test('a second call with the same key runs nothing', async () => {
  const args = ['call', 'reserve_stock', '--arg', 'sku=prod_12345', '--arg', 'quantity=2', '-o', 'json'];
  const first = json(await run([...args, '--idempotency-key', 'order-7']));
  const second = json(await run([...args, '--idempotency-key', 'order-7']));
  expect(second).toEqual(first);
  expect(json(await run([...args, '--idempotency-key', 'order-8'])).value.run).toBe(first.value.run + 1);
  const other = await run([...args, '--idempotency-key', 'order-7', '--arg', 'quantity=3']);
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('IDEMPOTENCY_CONFLICT') });
});

test('a tool that ran and failed exits with 1, and programs get its code', async () => {
  const args = ['call', 'compute_pricing', '--arg', 'sku=nothing', '--arg', 'stock_count=1'];
  const sentence =
    'error: compute_pricing ran on PricingRules and failed: there is no product "nothing" (SKU_UNKNOWN)\n';
  expect(await run(args)).toEqual({ code: 1, stdout: '', stderr: sentence });
  const ended = await run([...args, '-o', 'json']);
  expect(ended).toMatchObject({ code: 1, stderr: sentence });
  expect(json(ended)).toMatchObject({ success: false, error_code: 'SKU_UNKNOWN' });
});

test('what a server says cannot move the cursor', async () => {
  const { stdout } = await run(['call', 'draw']);
  expect(stdout).toMatch(/note +evil {2}\[2J {2}text/);
  const described = await run(['describe', 'InventoryDB_Primary']);
  const json = await run(['call', 'draw', '-o', 'json']);
  for (const text of [stdout, described.stdout, json.stdout]) {
    expect([text.includes('\u001b'), text.includes('\u202e')]).toEqual([false, false]);
  }
});

test('describe shows contexts, tools, arguments and rights, and its examples work as they are', async () => {
  const { code, stdout } = await run(['describe', 'inventorydb_primary']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^InventoryDB_Primary 1\.2\.0 {3}mcp2\/1\n/);
  expect(stdout).toContain('  inventory:{sku}:stock_count\n    Units in stock. Over all [31m warehouses.\n');
  expect(stdout).toMatch(/parameters {2}min_qty {5}whole number, at least 0\n {16}warehouse {3}text\n/);
  expect(stdout).toMatch(/needs +db:inventory:read or context:read:inventory:\*:stock_count\n/);
  expect(stdout).toMatch(/arguments {3}quantity {3}whole number, at least 1, required\n {16}sku {8}text, required\n/);
  const lines = [...stdout.matchAll(/^ +(?:try +)?(mcp2 .*)$/gm)].map(([, line = '']) => line);
  expect(lines).toContain('mcp2 call reserve_stock --server InventoryDB_Primary --arg quantity=1 --arg sku=prod_12345');
  const commands = lines.filter((line) => / (?:call|token) /.test(line));
  expect(commands).toHaveLength(3);
  for (const line of commands) expect((await run(line.split(' ').slice(1))).code).toBe(0);
  expect(json(await run(['describe', 'PricingRules', '-o', 'json']))).toMatchObject({
    ...{ name: 'PricingRules', tools: [{ name: 'compute_pricing', annotations: { idempotent: true } }, {}, {}] },
  });
});

test('a minted token has the one right that the call needs; one that is given is used as it is', async () => {
  const mint = async (...rights: readonly string[]) => {
    const args = ['token', 'mint', '--sub', 'default.agent', '--aud', 'PricingRules', '--capability', rights.join(',')];
    return (await run(args)).stdout.trim();
  };
  const args = ['call', 'compute_pricing', '--arg', 'sku=a', '--arg', 'stock_count=1', '-o', 'json'];
  const allowed = await mint('tool:compute_pricing');
  for (const env of [{ MCP2_TOKEN: allowed }]) expect(json(await run(args, { env })).value.price).toBe(99.9);
  expect(json(await run([...args, '--token', allowed])).value.price).toBe(99.9);
  const denied = await run([...args, '--token', await mint('tool:echo')]);
  expect(denied).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('CAPABILITY_DENIED') });
  expect(denied.stderr).not.toContain('eyJ');
  const card = await run(['describe', 'PricingRules', '--token', allowed]);
  expect(card).toMatchObject({ code: 0, stdout: expect.stringContaining('compute_pricing') });
});

test.each<[string, readonly string[], number, RegExp]>([
  ['a key that is none', ['context', 'inventory:*'], 2, /no key/],
  [
    'a context that nobody gives',
    ['context', 'payroll:p1:salary'],
    1,
    /no server that is known here offers the context payroll/,
  ],
  ['a context without a value', ['context', 'inventory:prod_0:stock_count'], 1, /CONTEXT_UNKNOWN.*InventoryDB_Primary/],
  [
    'a parameter that is wrong',
    ['context', 'inventory:p:stock_count', '--param', 'min_qty=-1'],
    1,
    /min_qty must be at least 0 \(ARGUMENT_INVALID at \/min_qty/,
  ],
  [
    'a parameter that nobody knows',
    ['context', 'inventory:p:stock_count', '--param', 'warehose=NY'],
    1,
    /did you mean "warehouse"/,
  ],
  ['a parameter without a value', ['context', 'inventory:p:stock_count', '--param', 'warehouse'], 2, /key=value/],
  [
    'a name that is none',
    ['context', 'inventory:p:stock_count', '--param', 'a b=1'],
    1,
    /"a b" is no name of a parameter/,
  ],
  ['a tool that is none', ['call', 'no/tool'], 2, /no name of a tool/],
  ['a tool that nobody offers', ['call', 'refund'], 1, /no server that is known here offers the tool refund/],
  [
    'a tool that this server does not offer',
    ['call', 'echo', '--server', 'InventoryDB_Primary'],
    1,
    /no server InventoryDB_Primary offers the tool echo/,
  ],
  ['a missing argument', ['call', 'reserve_stock', '--arg', 'sku=a'], 1, /quantity is missing/],
  ['JSON that is none', ['call', 'echo', '--json', '{'], 2, /--json is not JSON/],
  ['JSON that is no object', ['call', 'echo', '--json', '-'], 2, /one JSON object/],
  ['a number that would be rounded', ['call', 'echo', '--json', '{"a": 12345678901234567890}'], 2, /rounded/],
  ['JSON beside arguments', ['call', 'echo', '--json', '{}', '--arg', 'a=1'], 2, /not both/],
  [
    'a file that is not there',
    ['call', 'echo', '--json', '/nowhere'],
    1,
    /\/nowhere cannot be read: there is no such file/,
  ],
  ['several outputs as bytes', ['call', 'draw', '-o', 'raw'], 2, /--field/],
  [
    'an output that is not there',
    ['call', 'draw', '-o', 'raw', '--field', 'picture'],
    2,
    /there are "image", "note", "count"/,
  ],
  [
    'a folder to write to',
    ['call', 'draw', '--field', 'image', '--out', '/'],
    1,
    /\/ cannot be written: it is a folder/,
  ],
  [
    'no answer in time',
    ['call', 'slow', '--timeout', '300ms'],
    1,
    /no answer within 0\.3 s \(tried: PricingRules at .*--timeout/,
  ],
  ['a time that is none', ['call', 'slow', '--timeout', 'soon'], 2, /duration/],
  ['a server that nobody knows', ['describe', 'Nobody'], 1, /offers the server Nobody|no server/],
  ['a server name that is none', ['describe', 'a b'], 2, /no name of a server/],
  ['another machine in the clear', ['call', 'echo', '--address', 'registry.example:50050'], 2, /--ca FILE/],
  ['no registry', ['describe', 'PricingRules', '--address', '127.0.0.1:1'], 1, /no registry answers at 127\.0\.0\.1:1/],
])('%s is refused with a sentence', async (_title, args, exitCode, sentence) => {
  const { code, stdout, stderr } = await runMcp2Here(args, { state: up.state, input: '[1]' });
  expect(stderr).toMatch(sentence);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).not.toContain('    at ');
});

test('without "mcp2 up" each says what to do', async () => {
  for (const args of [
    ['context', 'a:b'],
    ['call', 'echo'],
    ['describe', 'Db'],
  ]) {
    const { code, stderr } = await run(args, { state: join(up.files, '..', 'other') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/npm start|mcp2 up/);
  }
});
