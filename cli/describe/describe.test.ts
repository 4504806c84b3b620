import { expect, test } from 'vitest';
import type { Card } from '#sdk/client/index.ts';
import { describeCard } from './card-text.ts';
import { membersOf, typeText } from './schema-text.ts';

test.each<[Record<string, unknown>, string]>([
  [{ type: 'string' }, 'text'],
  [{ type: 'integer', minimum: 0, maximum: 9 }, 'whole number, at least 0, at most 9'],
  [{ type: 'string', format: 'date' }, 'date'],
  [{ type: 'string', contentEncoding: 'base64' }, 'bytes'],
  [{ enum: ['g', 'kg'], default: 'kg' }, '"g" or "kg", default "kg"'],
  [{ enum: [1, 2, 3, 4, 5, 6, 7] }, '1, 2, 3, 4, 5, 6, …'],
  [{ type: ['integer', 'null'] }, 'whole number or null'],
  [{ anyOf: [{ type: 'number' }, { type: 'null' }] }, 'number or null'],
  [{ type: 'array', items: { type: 'string' } }, 'list of text'],
  [{ const: true }, 'true'],
  [{}, 'any'],
  [{ type: 'unheard' }, 'any'],
])('%j is %s', (schema, words) => {
  expect(typeText(schema)).toBe(words);
});

test('required members come first, with an example of each', () => {
  const properties = {
    a: { type: 'string' },
    b: { $ref: '#/$defs/sku' },
    c: { type: 'integer', minimum: 3 },
    d: { type: 'object' },
  };
  const $defs = { sku: { type: 'string', examples: ["it's"], description: 'Of an\narticle.' } };
  const members = membersOf({ properties, required: ['b'], $defs });
  expect(members.map(({ name, example }) => `${name}=${example}`)).toEqual(["b=it's", 'a=A', 'c=3', 'd={}']);
  expect(members[0]).toMatchObject({ isRequired: true, description: 'Of an article.', type: 'text' });
});

test('text of a server cannot leave its line, nor its word of a command', () => {
  const evil = "x'; rm -rf /; '\n\u001b[2J\u202e::error::";
  const card: Card = {
    ...{ name: 'Db', version: evil, protocol: evil, services: [], capabilities: [evil], json: '', digest: '' },
    contexts: [
      {
        ...{ key: `a:{${evil}}`, description: evil, contentType: evil, requiredCapabilities: [evil] },
        parametersSchema: { properties: { [evil]: { description: evil, examples: [evil], enum: [evil] } } },
      },
    ],
    tools: [],
  };
  const lines = describeCard(card, 'Db', (_style, text) => text);
  for (const line of lines) {
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const command = /^ +(?:try +)?(mcp2 .*)$/.exec(line)?.[1];
    // Outside of quotes only plain words are left.
    if (command !== undefined) expect(command.replace(/'[^']*'|\\'/g, '')).toMatch(/^[\w@%+=:,./~ -]*$/);
  }
});
