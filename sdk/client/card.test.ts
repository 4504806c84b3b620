import { expect, test } from 'vitest';
import { parseCard } from './card.ts';

const card = (members: object) => Buffer.from(JSON.stringify({ name: 'Db_One', version: '1.0.0', ...members }));

test('contexts and tools are read with what a caller decides by', () => {
  const input = { type: 'object' };
  const { contexts, tools, json, digest } = parseCard(
    card({
      contexts: [{ key: 'a:{b}', parameters_schema: input, required_capabilities: ['db:a:read'], unheard: 1 }],
      tools: [
        { name: 'x', input_schema: input, schema_hash: 'ab', annotations: { idempotent: true }, idempotency: 'shared' },
        { name: 'y' },
      ],
    }),
  );
  expect(contexts).toEqual([
    {
      ...{ key: 'a:{b}', parametersSchema: input, requiredCapabilities: ['db:a:read'] },
      ...{ description: undefined, contentType: undefined },
    },
  ]);
  expect(tools).toMatchObject([
    { name: 'x', inputSchema: input, schemaHash: 'ab', idempotency: 'shared', annotations: { idempotent: true } },
    { name: 'y', idempotency: 'none', annotations: { idempotent: false }, requiredCapability: 'tool:y' },
  ]);
  expect(json).toContain('unheard');
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  ['no lists', {}],
  ['lists of nothing', { contexts: [null, 5, 'x', []], tools: [{}, { name: 5 }] }],
  ['no lists at all', { contexts: 'x', tools: { name: 'x' } }],
])('a card with %s offers nothing', (_title, members) => {
  expect(parseCard(card(members))).toMatchObject({ contexts: [], tools: [] });
});

test('what only looks like a promise is none', () => {
  const tool = { name: 'x', annotations: { idempotent: 'yes' }, idempotency: 'everywhere' };
  expect(parseCard(card({ tools: [tool] })).tools[0]).toMatchObject({
    ...{ annotations: { idempotent: false }, idempotency: 'none' },
  });
});

test.each(['', '[]', '{"name": 5}', '{"name":"a","name":"b"}'])('%j is no card', (text) => {
  expect(() => parseCard(Buffer.from(text))).toThrow(expect.objectContaining({ reason: 'ARGUMENT_INVALID' }));
});
