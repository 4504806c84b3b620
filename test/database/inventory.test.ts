/**
 * examples/inventory on both engines: what the proposal's client and today's callers ask is answered, as text of the wire, and
 * a reservation takes what is there and no more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceError } from '#lib/errors.ts';
import { type PostgresPair, startPostgresPair } from '../harness/postgres.ts';
import { createWorkspace } from '../harness/processes.ts';
import { FOLDER, type Inventory, openOnPostgres, openOnSqlite, readExample } from './inventory-fixture.ts';

let pair: PostgresPair;
const inventories = new Map<string, Inventory>();
const ENGINES = ['SQLite', 'PostgreSQL'];

beforeAll(async () => {
  pair = await startPostgresPair();
  inventories.set('SQLite', await openOnSqlite('inventory.yaml', createWorkspace('inventory').folder));
  inventories.set('PostgreSQL', await openOnPostgres(pair));
});
afterAll(async () => {
  for (const inventory of inventories.values()) await inventory[Symbol.asyncDispose]();
  await pair[Symbol.asyncDispose]();
});

function on(engine: string): Inventory {
  const inventory = inventories.get(engine);
  if (inventory === undefined) throw new Error(`${engine} did not start`);
  return inventory;
}

describe.each(ENGINES)('stock on %s', (engine) => {
  test('the database takes every statement', () => {
    expect(on(engine).problems).toEqual([]);
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
    expect(await on(engine).context('inventory:prod_12345:stock_count', parameters)).toBe(expected);
  });
});

describe.each(ENGINES)('parameters on %s', (engine) => {
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
    const answer = on(engine).context('inventory:prod_12345:stock_count', parameters as Record<string, string>);
    await expect(answer).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
  });
});

describe.each(ENGINES)('facts on %s', (engine) => {
  test('an article that lies nowhere is 0 pieces, one that is not known is CONTEXT_UNKNOWN', async () => {
    expect(await on(engine).context('inventory:prod_24680:stock_count', { warehouse: 'NY' })).toBe('0');
    for (const fact of ['stock_count', 'list_price']) {
      const unknown = on(engine).context(`inventory:prod_0:${fact}`);
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
    expect(JSON.parse(await on(engine).context(`inventory:${sku}:${fact}`))).toEqual(expected);
  });
});

const sf = { sku: 'prod_24680', warehouse: 'SF' };
const left = (engine: string) => on(engine).context('inventory:prod_24680:stock_count', { warehouse: 'SF' });

describe.each(ENGINES)('reserve_stock on %s', (engine) => {
  test('a reservation takes pieces, and a second call with its key does not', async () => {
    const keyed = { id: 'a'.repeat(43), argumentsHash: 'b'.repeat(43) };
    for (let i = 0; i < 2; i++) {
      const answer = await on(engine).tool('reserve_stock', { ...sf, quantity: '1' }, { keyed });
      expect(answer).toEqual({ reserved: '1', left: '2' });
    }
    await expect.poll(() => left(engine), { timeout: 10_000 }).toBe('2');
  });

  test('no more is taken than is there, however many come at once', async () => {
    expect(await on(engine).tool('reserve_stock', { ...sf, quantity: '3' })).toBe('NO_ROW');
    const calls = Array.from({ length: 6 }, () => on(engine).tool('reserve_stock', { ...sf, quantity: '1' }));
    const answers = await Promise.all(calls.map((call) => call.catch((error: ServiceError) => error.reason)));
    const taken = answers.filter((answer) => typeof answer === 'object').length;
    expect(taken).toBeGreaterThanOrEqual(1);
    expect(taken).toBeLessThanOrEqual(2);
    await expect.poll(() => left(engine), { timeout: 10_000 }).toBe(String(2 - taken));
    expect(await on(engine).tool('reserve_stock', { sku: 'prod_0', warehouse: 'SF', quantity: '1' })).toBe('NO_ROW');
  });

  test.each([{ ...sf }, { ...sf, quantity: '0' }, { ...sf, quantity: 'one' }, { ...sf, quantity: '1', to: 'me' }])(
    'a reservation with %j is refused',
    async (args) => {
      const answer = on(engine).tool('reserve_stock', args);
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

describe.each(ENGINES)('the outbox on %s', (engine) => {
  const reserve = (warehouse: string, quantity: string) =>
    on(engine).tool('reserve_stock', { sku: 'prod_12345', warehouse, quantity });

  test('an article whose stock falls below 10, over all warehouses, is told once', async () => {
    await on(engine).events();
    await reserve('NY', '30');
    await reserve('SF', '2');
    expect(await on(engine).events()).toEqual([]);
    await reserve('SF', '1');
    await reserve('SF', '1');
    const events = await on(engine).events();
    expect(events).toMatchObject([{ topic: 'inventory:prod_12345:low_stock', contentType: 'application/json' }]);
    const payload = JSON.parse(String(events[0]?.payload)) as Record<string, unknown>;
    expect(payload).toEqual({ current_stock: 9, timestamp: expect.stringMatching(/^20\d\d-\d\d-\d\dT/) });
    expect(await on(engine).events()).toEqual([]);
  });

  test('a reservation that is refused tells nothing', async () => {
    expect(await reserve('SF', '999')).toBe('NO_ROW');
    expect(await on(engine).events()).toEqual([]);
  });
});
