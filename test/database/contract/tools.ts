/** What a tool answers, and what it changed. */
import { expect } from 'vitest';
import { type ContractTests, checked, textsOf, toolOf } from './engine.ts';

const ORDER = 'INSERT INTO orders VALUES (:id, CAST(:quantity AS integer)) RETURNING id, quantity';

export const toolTests: ContractTests = {
  'a Row becomes outputs by column, texts as they are': async (engine) => {
    const database = engine.open();
    const order = toolOf(database, { sql: ORDER, parameters: ['id', 'quantity'] });
    await checked(database);
    expect(textsOf(await order({ id: 'a row', quantity: 2 }))).toEqual({ id: 'a row', quantity: '2' });
    expect(textsOf(await order({ id: 'nothing' }))).toEqual({ id: 'nothing', quantity: 'null' });
    expect(await engine.query("SELECT quantity FROM orders WHERE id = 'a row'")).toEqual([{ quantity: 2 }]);
  },

  'a Value and Rows become the structured result': async (engine) => {
    const database = engine.open();
    const value = toolOf(database, { sql: 'SELECT max(quantity) FROM stock', result: 'Value' });
    const rows = toolOf(database, { sql: "SELECT sku FROM stock WHERE warehouse = 'NY' ORDER BY sku", result: 'Rows' });
    await checked(database);
    expect(textsOf(await value())).toEqual({ structured: '5' });
    expect(textsOf(await rows())).toEqual({ structured: '[{"sku":"pear"},{"sku":"plum"}]' });
  },

  'a statement without columns says how many rows it changed': async (engine) => {
    const database = engine.open();
    const sql = "UPDATE stock SET quantity = quantity WHERE warehouse = 'NY'";
    const touch = toolOf(database, { sql });
    await checked(database);
    expect(textsOf(await touch())).toEqual({ rows: '2' });
  },

  'no row where one was to come is an answer without success, several are refused and rolled back': async (engine) => {
    const database = engine.open();
    const sql = 'UPDATE stock SET quantity = quantity + 100 WHERE warehouse = :warehouse RETURNING quantity';
    const add = toolOf(database, { sql, parameters: ['warehouse'] });
    await checked(database);
    expect(await add({ warehouse: 'SF' })).toMatchObject({ success: false, errorCode: 'NO_ROW' });
    const refused = { reason: 'BACKEND_REFUSED', metadata: { rows: '2' } };
    await expect(add({ warehouse: 'NY' })).rejects.toMatchObject(refused);
    expect(await engine.query("SELECT max(quantity) AS most FROM stock WHERE warehouse = 'NY'")).toEqual([{ most: 4 }]);
  },

  'what the database refuses is BACKEND_REFUSED without its words, and changes nothing': async (engine) => {
    const database = engine.open();
    const sql = 'UPDATE stock SET quantity = quantity - CAST(:n AS integer) WHERE sku = :sku';
    const take = toolOf(database, { sql, parameters: ['n', 'sku'] });
    await checked(database);
    const error = await take({ n: 1_000, sku: 'fig' }).catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ reason: 'BACKEND_REFUSED' });
    expect(String(error)).not.toMatch(/fig|quantity|check|violates/i);
    expect((error as Error).cause).toBeUndefined();
    expect(await engine.query("SELECT quantity FROM stock WHERE sku = 'fig'")).toEqual([{ quantity: 5 }]);
  },

  'twenty reservations at once take what is there and no more': async (engine) => {
    const database = engine.open();
    await engine.query("INSERT INTO stock VALUES ('melon', 'SF', 7)");
    const sql = 'UPDATE stock SET quantity = quantity - 1 WHERE sku = :sku AND quantity > 0 RETURNING quantity';
    const reserve = toolOf(database, { sql, parameters: ['sku'] });
    await checked(database);
    const answers = await Promise.all(Array.from({ length: 20 }, () => reserve({ sku: 'melon' })));
    expect(answers.filter(({ success }) => success)).toHaveLength(7);
    expect(await engine.query("SELECT quantity FROM stock WHERE sku = 'melon'")).toEqual([{ quantity: 0 }]);
  },
};
