/**
 * docs/event-bus.md, as its reader follows it in a checkout: every command with what it prints, the schemas that it shows, and
 * the reasons that it names.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSchemas } from '../../services/event-bus/publish/read-schemas.ts';
import { examplesOf, filesOf } from '../harness/page.ts';
import { createWorkspace } from '../harness/processes.ts';
import { Reader } from '../harness/reader.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/event-bus.md'), 'utf8');
let reader: Reader;
beforeAll(() => {
  reader = new Reader('event-bus-page');
  reader.save(PAGE);
});
afterAll(() => reader[Symbol.asyncDispose]());

test('every command does what the page says, in the order in which it stands there', async () => {
  const examples = examplesOf(PAGE);
  expect(examples.length).toBeGreaterThan(8);
  for (const example of examples) await reader.follow(example);
}, 180_000);

test('the file of schemas is one that the bus reads', () => {
  const { folder } = createWorkspace('event-bus-page-schemas');
  const [[file, text] = ['', '']] = filesOf(PAGE);
  expect(file).toBe('schemas/schemas.yaml');
  mkdirSync(join(folder, 'schemas'));
  writeFileSync(join(folder, file), text);
  writeFileSync(join(folder, 'schemas/low_stock.json'), '{"type": "object"}');
  expect(readSchemas(join(folder, file))).toMatchObject([{ topics: 'inventory:*:low_stock' }]);
});

test('the page names every reason that event_bus.proto names', () => {
  const proto = readFileSync(join(ROOT, 'protos/mcp2/event_bus.proto'), 'utf8');
  const reasons = new Set([...proto.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)].map(([reason]) => reason));
  const statuses =
    /^(?:INVALID_ARGUMENT|ALREADY_EXISTS|RESOURCE_EXHAUSTED|OUT_OF_RANGE|FAILED_PRECONDITION|NOT_FOUND)$/;
  const named = [...reasons].filter(
    (one) => !/^(?:START_POLICY|ACK_MODE|CONTROL_KIND)/.test(one) && !statuses.test(one),
  );
  expect(named.length).toBeGreaterThan(10);
  const table = PAGE.slice(PAGE.indexOf('\n## Reasons\n'));
  expect(named.filter((reason) => !table.includes(`\`${reason}\``))).toEqual([]);
});
