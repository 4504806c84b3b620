/** What every database promises, as tests; each engine runs them all (`postgres.test.ts`, `pgbouncer.test.ts`, …). */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { checkTests } from './checks.ts';
import type { EngineUnderTest } from './engine.ts';
import { idempotencyTests } from './idempotency.ts';
import { limitTests } from './limits.ts';
import { placeholderTests } from './placeholders.ts';
import { readTests } from './reads.ts';
import { toolTests } from './tools.ts';

export function describeDatabase(name: string, start: () => Promise<EngineUnderTest>): void {
  describe(name, () => {
    let engine: EngineUnderTest;
    beforeAll(async () => {
      engine = await start();
    });
    afterAll(() => engine.dispose());
    const tests = {
      ...readTests,
      ...toolTests,
      ...idempotencyTests,
      ...limitTests,
      ...checkTests,
      ...placeholderTests,
    };
    for (const [sentence, run] of Object.entries(tests)) test(sentence, () => run(engine));
  });
}
