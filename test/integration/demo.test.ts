/** `npm run demo`: the proposal's example, with what it prints at each step. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../cluster/run-command.ts';

test('an agent finds the inventory, reads it, and hears from the database that few are left', async () => {
  const printed = await runCommand('npm', ['run', '--silent', 'demo'], { cwd: join(import.meta.dirname, '../..') });
  const steps = printed.split(/^\d\. /m).slice(1);
  expect(steps.map((step) => step.split(':')[0])).toEqual(['Setup', 'Agent initialization', 'Discovery', 'Events']);
  expect(steps[2]).toMatch(/InventoryDB_Primary at [\s\S]*InventoryDB_Replica1 has 42 of prod_12345, 30 of them/);
  const [, , , events = ''] = steps;
  for (const reserved of ['20 in NY', '10 in SF', '5 in NY']) expect(events).toContain(`reserved ${reserved}`);
  expect(events).toMatch(
    /heard inventory:prod_12345:low_stock number 1 from default\.InventoryDB_Primary: \{"current_stock":7,"timestamp":"20/,
  );
});
