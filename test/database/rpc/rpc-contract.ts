/** What the RPCs promise on every database, as tests; each engine runs them all (`postgres.test.ts`, `pgbouncer.test.ts`, …). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../harness/eventually.ts';
import { answerTests } from './answers.ts';
import { callerTests } from './callers.ts';
import { injectionTests } from './injection.ts';
import { DATABASE_REFUSALS } from './refusals.ts';
import { expectRefusal, type RpcEngine } from './rpc-engine.ts';

export function describeRpcs(name: string, start: () => Promise<RpcEngine>): void {
  describe(name, () => {
    let engine: RpcEngine;
    beforeAll(async () => {
      engine = await start();
    });
    afterAll(() => engine.dispose());
    const tests = { ...answerTests, ...injectionTests, ...callerTests };
    for (const [sentence, run] of Object.entries(tests)) test(sentence, () => run(engine));
    for (const refusal of DATABASE_REFUSALS) {
      test(`${refusal.title} is ${refusal.reason}, and the next call is answered`, async () => {
        await expectRefusal(refusal, engine);
        await expectService(engine);
      });
    }
    test('nothing that was refused has changed anything', () => expectUnchanged(engine));
  });
}

/** Of contexts and tools. */
async function expectService({ runtime: { calls } }: RpcEngine): Promise<void> {
  expect(await calls.read('stock:fig:count')).toBe('5');
  expect(await calls.run('touch')).toEqual({ rows: '2' });
}

async function expectUnchanged({ query, running }: RpcEngine): Promise<void> {
  expect(await query('SELECT sku, warehouse, quantity FROM stock ORDER BY sku')).toEqual([
    { sku: 'fig', warehouse: 'LA', quantity: 5 },
    { sku: 'pear', warehouse: 'NY', quantity: 3 },
    { sku: 'plum', warehouse: 'NY', quantity: 4 },
  ]);
  expect(await query('SELECT * FROM late')).toEqual([]);
  expect(await query("SELECT id FROM orders WHERE id IN ('other', 'away')")).toEqual([]);
  expect(await query('SELECT secret FROM secrets')).toEqual([{ secret: 'the secret of the database' }]);
  expect(await eventually(running, (count) => count === 0)).toBe(0);
}
