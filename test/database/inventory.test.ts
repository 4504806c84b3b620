/**
 * examples/inventory on both engines: what the proposal's client and today's callers ask is answered, as text of the wire, and
 * a reservation takes what is there and no more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { decodeArguments, decodeParameters } from '#lib/json-schema/arguments.ts';
import { silentLogger } from '#lib/logger.ts';
import type { ContextDeclaration, ToolCall, ToolDeclaration } from '#sdk/server/declaration.ts';
import { createOffer, type Offer } from '#sdk/server/offer.ts';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../services/context-tool/config/runtime-config.ts';
import type { Database } from '../../services/context-tool/database/database.ts';
import { NO_DATABASE_METRICS } from '../../services/context-tool/database/database-metrics.ts';
import { createPostgresDatabase } from '../../services/context-tool/database/postgres/postgres-database.ts';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import { type PostgresPair, startPostgresPair } from '../harness/postgres.ts';
import { createWorkspace } from '../harness/processes.ts';

const FOLDER = join(import.meta.dirname, '../../examples/inventory');

interface Inventory extends AsyncDisposable {
  context(key: string, parameters?: Readonly<Record<string, string>>): Promise<string>;
  /** Outputs as text, or what the tool said. */
  tool(name: string, args: Readonly<Record<string, string>>, call?: Partial<ToolCall>): Promise<unknown>;
  readonly problems: unknown;
}

function readExample(name: string, below: string): RuntimeConfig {
  const options = { file: join(FOLDER, name), workingFolder: FOLDER, sqlite: { below } };
  const { config, problems } = createConfigReader()(options);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

function toOffer({ server, contexts, tools }: RuntimeConfig, database: Database): Offer {
  const declared = createOffer({
    ...server,
    contexts: contexts.map((context): ContextDeclaration => {
      if (!('query' in context)) throw new Error('no query');
      const segments = [...context.key.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      return {
        ...context,
        read: database.context(context.query, { segments, parameters: namesIn(context.parameters) }),
      };
    }),
    tools: tools.map((tool): ToolDeclaration => {
      if (!('statement' in tool)) throw new Error('no statement');
      const run = database.tool(tool.statement, { segments: [], parameters: namesIn(tool.input) });
      return { ...tool, idempotency: 'shared', run };
    }),
  });
  if (!declared.ok) throw new Error(JSON.stringify(declared.problems));
  return declared.offer;
}

const namesIn = (schema: Readonly<Record<string, unknown>> | undefined) => Object.keys(schema?.properties ?? {});

async function open(config: RuntimeConfig, create: (config: DatabaseConfig) => Database): Promise<Inventory> {
  const [databaseConfig] = config.databases.values();
  if (databaseConfig === undefined) throw new Error('no database');
  const database = create(databaseConfig);
  const offer = toOffer(config, database);
  const problems = await database.check(new AbortController().signal);
  return {
    problems,
    async context(key, parameters = {}) {
      const found = offer.findContext(key);
      if (found === undefined) throw new ServiceError('CONTEXT_UNKNOWN', 'no such key');
      const { declaration, parameters: schema } = found.value;
      const request = { key, segments: found.segments, parameters: decodeParameters(schema, bytesOf(parameters)) };
      return (await declaration.read(request, toolCall())).content.toString();
    },
    async tool(name, args, call = {}) {
      const tool = offer.findTool(name);
      if (tool === undefined) throw new Error('no tool');
      const decoded = decodeArguments(tool.input, { values: bytesOf(args) });
      const answer = await tool.declaration.run(decoded, toolCall(call));
      if (!answer.success) return answer.errorCode;
      return Object.fromEntries(Object.entries(answer.outputs).map(([output, bytes]) => [output, bytes.toString()]));
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}

const bytesOf = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));

const toolCall = (call: Partial<ToolCall> = {}): ToolCall => ({
  caller: { iss: 'mcp2:test', sub: 'default.agent' },
  signal: new AbortController().signal,
  deadlineMs: systemClock.nowMs() + 30_000,
  log: silentLogger,
  invocationId: 'run-1',
  idempotencyKey: undefined,
  keyed: undefined,
  warn: () => undefined,
  ...call,
});

function openOnSqlite(name: string, folder: string): Promise<Inventory> {
  const files = new SqliteFiles({ clock: systemClock, log: silentLogger, setpriv: undefined });
  return open(readExample(name, folder), (config) => {
    if (config.kind !== 'sqlite') throw new Error('no SQLite');
    return openSqlite(config, { files, clock: systemClock, log: silentLogger });
  });
}

async function openOnPostgres(pair: PostgresPair): Promise<Inventory> {
  for (const file of ['postgres/schema.sql', 'stock.sql', 'postgres/roles.sql']) {
    await pair.primary.query(readFileSync(join(FOLDER, file), 'utf8'));
  }
  const urls: Readonly<Record<string, string>> = {
    'primary-url': pair.primary.url({ user: 'inventory_writer', password: 'change me: writer' }),
    'replica-url': pair.replica.url({ user: 'inventory_reader', password: 'change me: reader' }),
  };
  return open(readExample('postgres/inventory.yaml', FOLDER), (config) => {
    if (config.kind !== 'postgres') throw new Error('no PostgreSQL');
    const { log, clock } = { log: silentLogger, clock: systemClock };
    const readSecret = (reference: object) =>
      urls[/[a-z]+-url$/.exec(JSON.stringify(reference).slice(0, -2))?.[0] ?? ''] ?? '';
    return createPostgresDatabase(config, {
      readSecret,
      clock,
      random: Math.random,
      log,
      metrics: NO_DATABASE_METRICS,
    });
  });
}

describe.each(['SQLite', 'PostgreSQL'])('on %s', (engine) => {
  let pair: PostgresPair | undefined;
  let inventory: Inventory;

  beforeAll(async () => {
    if (engine === 'PostgreSQL') pair = await startPostgresPair();
    inventory =
      pair === undefined
        ? await openOnSqlite('inventory.yaml', createWorkspace('inventory').folder)
        : await openOnPostgres(pair);
  });
  afterAll(async () => {
    await inventory[Symbol.asyncDispose]();
    await pair?.[Symbol.asyncDispose]();
  });

  test('the database takes every statement', () => {
    expect(inventory.problems).toEqual([]);
  });

  test.each([
    ['over all warehouses', {}, '42'],
    ["as the proposal's client asks", { warehouse: 'NY', min_qty: '1' }, '30'],
    ['as its Section 3.1 asks', { filter: "warehouse='NY', qty>0" }, '30'],
    ['as its Section 3.1 has it elsewhere', { filter: 'warehouse=NY,qty>0' }, '30'],
    ['in one warehouse', { warehouse: 'SF' }, '12'],
    ['in a warehouse that is not there', { warehouse: 'LA' }, '0'],
    ['with so many or more', { min_qty: '30' }, '30'],
    ['with more than so many', { filter: 'qty>30' }, '0'],
    ['with several conditions at once', { warehouse: 'SF', filter: 'qty>12' }, '0'],
    ['with two conditions that exclude each other', { filter: "warehouse='NY',warehouse='SF'" }, '0'],
    ['with eight conditions', { filter: Array.from({ length: 8 }, (_, i) => `qty > ${i}`).join(' , ') }, '42'],
  ])('stock %s: %j is %s', async (_title, parameters, expected) => {
    expect(await inventory.context('inventory:prod_12345:stock_count', parameters)).toBe(expected);
  });

  test.each([
    ['an unknown parameter', { colour: 'red' }],
    ['a warehouse that is no name', { warehouse: "NY' OR 1=1" }],
    ['a quantity that is no number', { min_qty: 'many' }],
    ['a quantity below zero', { min_qty: '-1' }],
    ['a filter that is not understood', { filter: "warehouse!='NY'" }],
    ['a filter with text of another language in it', { filter: 'warehouse=NY"]' }],
    ['an empty filter', { filter: '' }],
    ['a filter without end', { filter: Array.from({ length: 9 }, () => 'qty>1').join(',') }],
  ])('%s is refused, not ignored: %j', async (_title, parameters) => {
    const answer = inventory.context('inventory:prod_12345:stock_count', parameters as Record<string, string>);
    await expect(answer).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
  });

  test('an article that lies nowhere is 0 pieces, one that is not known is CONTEXT_UNKNOWN', async () => {
    expect(await inventory.context('inventory:prod_24680:stock_count', { warehouse: 'NY' })).toBe('0');
    for (const fact of ['stock_count', 'list_price']) {
      const unknown = inventory.context(`inventory:prod_0:${fact}`);
      await expect(unknown).rejects.toMatchObject({ reason: 'CONTEXT_UNKNOWN' });
    }
  });

  test.each([
    ['prod_12345', 'list_price', 100],
    ['prod_67890', 'list_price', 24.5],
    ['prod_24680', 'list_price', 1299],
    ['prod_67890', 'warehouses', [{ warehouse: 'NY', quantity: 7 }]],
    [
      'prod_24680',
      'warehouses',
      [
        { warehouse: 'NY', quantity: 0 },
        { warehouse: 'SF', quantity: 3 },
      ],
    ],
    ['prod_0', 'warehouses', []],
  ])('%s has %s %j', async (sku, fact, expected) => {
    expect(JSON.parse(await inventory.context(`inventory:${sku}:${fact}`))).toEqual(expected);
  });

  const sf = { sku: 'prod_24680', warehouse: 'SF' };
  const left = () => inventory.context('inventory:prod_24680:stock_count', { warehouse: 'SF' });

  test('a reservation takes pieces, and a second call with its key does not', async () => {
    const keyed = { id: 'a'.repeat(43), argumentsHash: 'b'.repeat(43) };
    for (let i = 0; i < 2; i++) {
      const answer = await inventory.tool('reserve_stock', { ...sf, quantity: '1' }, { keyed });
      expect(answer).toEqual({ reserved: '1', left: '2' });
    }
    await expect.poll(left, { timeout: 10_000 }).toBe('2');
  });

  test('no more is taken than is there, however many come at once', async () => {
    expect(await inventory.tool('reserve_stock', { ...sf, quantity: '3' })).toBe('NO_ROW');
    const calls = Array.from({ length: 6 }, () => inventory.tool('reserve_stock', { ...sf, quantity: '1' }));
    const answers = await Promise.all(calls.map((call) => call.catch((error: ServiceError) => error.reason)));
    const taken = answers.filter((answer) => typeof answer === 'object').length;
    expect(taken).toBeGreaterThanOrEqual(1);
    expect(taken).toBeLessThanOrEqual(2);
    await expect.poll(left, { timeout: 10_000 }).toBe(String(2 - taken));
    expect(await inventory.tool('reserve_stock', { sku: 'prod_0', warehouse: 'SF', quantity: '1' })).toBe('NO_ROW');
  });

  test.each([{ ...sf }, { ...sf, quantity: '0' }, { ...sf, quantity: 'one' }, { ...sf, quantity: '1', to: 'me' }])(
    'a reservation with %j is refused',
    async (args) => {
      const answer = inventory.tool('reserve_stock', args);
      await expect(answer).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
    },
  );
});

test('the replica of the laptop answers from the file of the primary, whichever comes first', async () => {
  const { folder } = createWorkspace('inventory');
  await using replica = await openOnSqlite('replica.yaml', folder);
  await using primary = await openOnSqlite('inventory.yaml', folder);
  expect([replica.problems, primary.problems]).toEqual([[], []]);
  await primary.tool('reserve_stock', { sku: 'prod_12345', warehouse: 'NY', quantity: '5' });
  expect(await replica.context('inventory:prod_12345:stock_count', { warehouse: 'NY' })).toBe('25');
});

test('what the two configurations and the replica say of their contexts is the same', () => {
  const [primary, replica, postgres] = ['inventory.yaml', 'replica.yaml', 'postgres/inventory.yaml'].map((name) =>
    readExample(name, FOLDER).contexts.map(({ key, description, parameters, cache }) => ({
      key,
      description,
      parameters,
      cache,
    })),
  );
  expect(replica).toEqual(primary);
  expect(postgres).toEqual(primary);
});

test('the table of kept answers is the one that the product needs', () => {
  const file = join(import.meta.dirname, '../../services/context-tool/database/postgres/idempotency.sql');
  const needed = readFileSync(file, 'utf8').replace(/^--.*\n/gm, '');
  expect(readFileSync(join(FOLDER, 'postgres/schema.sql'), 'utf8')).toContain(needed);
});
