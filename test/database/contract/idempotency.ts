/** A call with a key that comes again. */
import { expect } from 'vitest';
import { type ContractTests, checked, type EngineUnderTest, type RunTool, textsOf, toolOf } from './engine.ts';

const ORDER = "INSERT INTO orders VALUES (:id, 1) RETURNING 'ordered' AS what";
/** Each run adds one. */
const COUNT = `INSERT INTO orders VALUES (:id, 1) ON CONFLICT (id) DO UPDATE SET quantity = orders.quantity + 1
               RETURNING quantity`;

async function counter(engine: EngineUnderTest): Promise<RunTool> {
  const database = engine.open();
  const run = toolOf(database, { sql: COUNT, parameters: ['id'] });
  await checked(database);
  return run;
}

export const idempotencyTests: ContractTests = {
  'a call that comes again gets the first answer and changes nothing, also from another process': async (engine) => {
    const [here, there] = [await counter(engine), await counter(engine)];
    const first = await here({ id: 'again' }, { key: 'k-again' });
    expect(textsOf(first)).toEqual({ quantity: '1' });
    expect(await here({ id: 'again' }, { key: 'k-again' })).toEqual(first);
    expect(await there({ id: 'again' }, { key: 'k-again' })).toEqual(first);
    expect(textsOf(await here({ id: 'again' }, { key: 'k-other' }))).toEqual({ quantity: '2' });
    expect(textsOf(await here({ id: 'again' }))).toEqual({ quantity: '3' });
  },

  'the same key with other arguments is IDEMPOTENCY_CONFLICT': async (engine) => {
    const count = await counter(engine);
    await count({ id: 'conflict' }, { key: 'k-conflict' });
    const other = count({ id: 'conflict' }, { key: 'k-conflict', argumentsHash: 'other' });
    await expect(other).rejects.toMatchObject({ reason: 'IDEMPOTENCY_CONFLICT' });
    expect(await engine.query("SELECT quantity FROM orders WHERE id = 'conflict'")).toEqual([{ quantity: 1 }]);
  },

  'twenty calls of one key at once, in two processes, run once': async (engine) => {
    const counters = [await counter(engine), await counter(engine)];
    const calls = Array.from({ length: 20 }, (_unused, i) => counters[i % 2]?.({ id: 'once' }, { key: 'k-once' }));
    const answers = (await Promise.all(calls)).map((answer) => answer && textsOf(answer));
    expect(answers).toEqual(Array.from({ length: 20 }, () => ({ quantity: '1' })));
  },

  'an answer without success is kept, an error is not': async (engine) => {
    const database = engine.open();
    const sql = 'UPDATE stock SET quantity = quantity - 1 WHERE sku = :sku AND quantity > 0 RETURNING quantity';
    const reserve = toolOf(database, { sql, parameters: ['sku'] });
    const order = toolOf(database, { sql: ORDER, parameters: ['id'] });
    await checked(database);
    const none = await reserve({ sku: 'kiwi' }, { key: 'k-none' });
    expect(none).toMatchObject({ success: false, errorCode: 'NO_ROW' });
    await engine.query("INSERT INTO stock VALUES ('kiwi', 'SF', 7)");
    expect(await reserve({ sku: 'kiwi' }, { key: 'k-none' })).toEqual(none);
    await engine.query("INSERT INTO orders VALUES ('taken', 1)");
    await expect(order({ id: 'taken' }, { key: 'k-taken' })).rejects.toMatchObject({ reason: 'BACKEND_REFUSED' });
    await engine.query("DELETE FROM orders WHERE id = 'taken'");
    expect(textsOf(await order({ id: 'taken' }, { key: 'k-taken' }))).toEqual({ what: 'ordered' });
  },

  'every form of answer is kept as it was': async (engine) => {
    const database = engine.open();
    const sql = 'SELECT sku, quantity FROM stock WHERE sku = :sku';
    const forms = (['Value', 'Row', 'Rows'] as const).map((result) =>
      toolOf(database, { sql: result === 'Value' ? 'SELECT CAST(:sku AS text)' : sql, result, parameters: ['sku'] }),
    );
    const touch = toolOf(database, {
      sql: 'UPDATE stock SET quantity = quantity WHERE sku = :sku',
      parameters: ['sku'],
    });
    await checked(database);
    for (const [i, run] of [...forms, touch].entries()) {
      const first = await run({ sku: 'fig' }, { key: `k-form-${i}` });
      expect(await run({ sku: 'fig' }, { key: `k-form-${i}` })).toEqual(first);
    }
  },
};
