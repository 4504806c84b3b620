import { createHash } from 'node:crypto';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../canonical-json.ts';
import { compileSchema } from './compile.ts';
import { SchemaProblem } from './schema-problem.ts';

const DRAFT_07 = 'http://json-schema.org/draft-07/schema#';

test.each<[title: string, schema: Record<string, unknown>, good: unknown, bad: unknown]>([
  ['words of one’s own', { 'x-widget': 'slider', type: 'integer' }, 1, 'a'],
  ['an unknown format', { type: 'string', format: 'color' }, 'blue', 1],
  ['a known format', { format: 'date' }, '2026-02-28', '2026-02-30'],
  ['contentEncoding', { contentEncoding: 'base64' }, 'AA==', 'AB=='],
  ['prefixItems', { prefixItems: [{ type: 'string' }], items: false }, ['a'], ['a', 1]],
  ['items of draft-07', { $schema: DRAFT_07, items: [{ type: 'string' }], additionalItems: false }, ['a'], ['a', 1]],
  ['one schema of items in draft-07', { $schema: DRAFT_07, items: { type: 'string' } }, ['a', 'b'], ['a', 1]],
  [
    'dependencies of draft-07',
    { $schema: DRAFT_07, dependencies: { a: ['b'], c: { required: ['d'] } } },
    { a: 1, b: 2 },
    { c: 1 },
  ],
  [
    'definitions of draft-07',
    { $schema: DRAFT_07, definitions: { t: { type: 'string' } }, items: { $ref: '#/definitions/t' } },
    ['a'],
    [1],
  ],
  [
    'an $id that is an anchor, draft-07',
    { $schema: DRAFT_07, definitions: { t: { $id: '#t', type: 'string' } }, $ref: '#t' },
    'a',
    1,
  ],
  ['an anchor', { $defs: { t: { $anchor: 't', type: 'string' } }, $ref: '#t' }, 'a', 1],
  ['an $id inside', { $defs: { t: { $id: 'text', type: 'string' } }, $ref: 'text' }, 'a', 1],
  ['a pointer with escapes', { $defs: { 'a/b~c%d e': { type: 'string' } }, $ref: '#/$defs/a~1b~0c%25d%20e' }, 'a', 1],
  [
    'a pointer into an $id',
    { $id: 'urn:a', $defs: { t: { $id: 'urn:b', $defs: { u: { type: 'string' } } } }, $ref: 'urn:b#/$defs/u' },
    'a',
    1,
  ],
  [
    'recursion that descends',
    { type: 'object', properties: { next: { $ref: '#' } }, additionalProperties: false },
    { next: { next: {} } },
    { next: { nex: {} } },
  ],
  [
    'names that every object has',
    { properties: { constructor: { type: 'string' } }, required: ['constructor'] },
    { constructor: 'a' },
    {},
  ],
  [
    'uniqueItems of objects',
    { uniqueItems: true },
    [{ a: 1, b: 2 }, { a: 1 }],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
  ],
  ['hundredths', { multipleOf: 0.01 }, 19.99, 19.999],
  ['unevaluatedProperties', { allOf: [{ properties: { a: {} } }], unevaluatedProperties: false }, { a: 1 }, { b: 1 }],
  ['a schema that is false', { properties: { a: false } }, {}, { a: 1 }],
])('%s', (_title, schema, good, bad) => {
  const { check } = compileSchema(schema, { closed: false });
  expect(check(good)).toEqual({ ok: true, value: good });
  expect(check(bad).ok).toBe(false);
});

test.each<[title: string, schema: Record<string, unknown>]>([
  ['nothing', {}],
  ['properties', { properties: { a: {} } }],
  ['a draft-07 schema in parts', { $schema: DRAFT_07, allOf: [{ properties: { a: {} } }] }],
  ['a $ref', { $ref: '#/$defs/p', $defs: { p: { properties: { a: {} } } } }],
  ['itself further down', { properties: { a: { $ref: '#' } } }],
])('closed: a member that is not named is refused where the schema says %s', (_title, schema) => {
  const { check } = compileSchema(schema, { closed: true });
  expect(check({ b: 1 })).toMatchObject({ ok: false, path: '/b' });
  expect(check({}).ok).toBe(true);
  expect(compileSchema(schema, { closed: false }).check({ b: 1 }).ok).toBe(true);
});

test('closed: what the schema says about other members stays, and so does what is below', () => {
  const open = compileSchema({ properties: { a: {} }, additionalProperties: { type: 'string' } }, { closed: true });
  expect(open.check({ b: 'x' }).ok).toBe(true);
  const below = compileSchema({ properties: { a: { properties: { b: {} } } } }, { closed: true });
  expect(below.check({ a: { c: 1 } }).ok).toBe(true);
  expect(() => compileSchema({ type: 'string' }, { closed: true })).toThrow(SchemaProblem);
});

test('defaults are filled in at every depth, in a copy', () => {
  const { check } = compileSchema(
    {
      properties: {
        unit: { type: 'string', default: 'kg' },
        page: { $ref: '#/$defs/page', default: {} },
        rows: { items: { properties: { n: { default: 1 } } } },
      },
      allOf: [{ properties: { note: { default: null } } }],
      anyOf: [{ properties: { other: { default: 'never' } } }],
      $defs: { page: { type: 'object', properties: { size: { type: 'integer', default: 20 } } } },
    },
    { closed: false },
  );
  const given = Object.freeze({ rows: Object.freeze([Object.freeze({}), Object.freeze({ n: 5 })]) });
  expect(check(given)).toEqual({
    ok: true,
    value: { unit: 'kg', page: { size: 20 }, rows: [{ n: 1 }, { n: 5 }], note: null },
  });
  const first = check({}) as { value: { page: { size: number } } };
  first.value.page.size = 0;
  expect(check({})).toMatchObject({ value: { page: { size: 20 } } });
});

test('a value without anything missing is handed back as it is', () => {
  const { check } = compileSchema({ properties: { unit: { default: 'kg' }, rows: { items: {} } } }, { closed: false });
  const value = { unit: 'g', rows: [{}] };
  expect(check(value)).toHaveProperty('value', value);
  expect((check(value) as { value: unknown }).value).toBe(value);
});

test('a default goes round "__proto__" in a value', () => {
  const { check } = compileSchema({ additionalProperties: { properties: { a: { default: 1 } } } }, { closed: false });
  const { value } = check(JSON.parse('{"__proto__": {}}')) as { value: object };
  expect(JSON.stringify(value)).toBe('{"__proto__":{"a":1}}');
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test.each<[schema: Record<string, unknown>, value: unknown, path: string, message: string]>([
  [
    { properties: { items: { items: { properties: { sku: { type: 'string' } } } } } },
    { items: [{ sku: 5 }] },
    '/items/0/sku',
    'must be a text, not a whole number',
  ],
  [{ required: ['sku'] }, {}, '/sku', 'is missing'],
  [
    { properties: { sku: {} }, additionalProperties: false },
    { skus: 1 },
    '/skus',
    'is not known here; did you mean "sku"?',
  ],
  [{ properties: { unit: { enum: ['g', 'kg'] } } }, { unit: 'lb' }, '/unit', 'must be one of "g", "kg"'],
  [{ properties: { n: { minimum: 1 } } }, { n: 0 }, '/n', 'must be at least 1'],
  [
    { properties: { n: { type: ['integer', 'null'] } } },
    { n: 'x' },
    '/n',
    'must be a whole number or null, not a text',
  ],
  [
    { properties: { n: { anyOf: [{ type: 'integer' }, { type: 'null' }] } } },
    { n: 'x' },
    '/n',
    'must be a whole number or null, not a text',
  ],
  [
    { anyOf: [{ properties: { a: { properties: { b: { type: 'string' } } } }, required: ['a'] }, { type: 'string' }] },
    { a: { b: 1 } },
    '/a/b',
    'must be a text, not a whole number',
  ],
  [{ properties: { d: { format: 'date' } } }, { d: 'x' }, '/d', 'must be a date'],
  [{ properties: { p: { pattern: '^[a-z]+$' } } }, { p: '1' }, '/p', 'must match the pattern "^[a-z]+$"'],
  [{ properties: { 'a/b': { type: 'string' } } }, { 'a/b': 1 }, '/a~1b', 'must be a text, not a whole number'],
])('%j says what is wrong with %j', (schema, value, path, message) => {
  expect(compileSchema(schema, { closed: false }).check(value)).toEqual({ ok: false, path, message });
});

test('a name of the caller is cut and made visible in a path', () => {
  const { check } = compileSchema({ additionalProperties: false }, { closed: false });
  const { path } = check({ ['x\u202e'.repeat(200)]: 1 }) as { path: string };
  expect(path).toMatch(/^\/x\\u\{202e\}x/);
  expect(path.length).toBeLessThan(310);
  expect(path).not.toContain('\u202e');
});

test('an error never repeats a long value', () => {
  const { check } = compileSchema(
    { properties: { a: { maxLength: 3, pattern: '^b', enum: ['b'] } } },
    { closed: false },
  );
  const secret = 'S'.repeat(10_000);
  expect(JSON.stringify(check({ a: secret }))).not.toContain('SSSS');
});

test('a pattern that backtracks in JavaScript takes no time', () => {
  const { check } = compileSchema({ properties: { a: { pattern: '^(a+)+$' } } }, { closed: false });
  const startedMs = performance.now();
  expect(check({ a: `${'a'.repeat(100_000)}!` }).ok).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test('two patterns of one schema are not taken for one', () => {
  const { check } = compileSchema({ properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } }, { closed: false });
  expect(check({ a: 'a', b: 'b' }).ok).toBe(true);
  expect(check({ a: 'a', b: 'a' }).ok).toBe(false);
});

test('a recursive schema with alternatives ends although each level doubles the work', () => {
  const both = {
    anyOf: [
      { properties: { n: { $ref: '#/$defs/t' }, op: { const: 'a' } }, required: ['op'] },
      { properties: { n: { $ref: '#/$defs/t' }, op: { const: 'b' } }, required: ['op'] },
    ],
  };
  const { check } = compileSchema({ $ref: '#/$defs/t', $defs: { t: both } }, { closed: false });
  const value = Array.from({ length: 60 }).reduce<object>((n) => ({ n, op: 'b' }), { op: 'b' });
  expect(check(value)).toEqual({ ok: false, path: '', message: 'takes too long to check' });
  expect(check({ n: { n: { op: 'b' }, op: 'a' }, op: 'b' }).ok).toBe(true);
});

test('a list of many different objects is compared in one pass', () => {
  const { check } = compileSchema({ uniqueItems: true }, { closed: false });
  const items = Array.from({ length: 100_000 }, (_, id) => ({ id }));
  expect(check(items).ok).toBe(true);
  expect(check([...items, { id: 5 }]).ok).toBe(false);
});

test('the hash is that of the canonical text, whatever the order of members', () => {
  const schema = { type: 'object', description: 'x' };
  const expected = createHash('sha256').update('{"description":"x","type":"object"}').digest();
  expect(compileSchema(schema, { closed: true }).hash).toEqual(expected);
});

const DATA = fc.jsonValue({ maxDepth: 3 });
const SCHEMA = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    fc.boolean(),
    fc.record(
      {
        type: fc.constantFrom(
          'string',
          'integer',
          'number',
          'object',
          'array',
          ['string', 'null'],
          'boolean',
          'strin',
          3,
        ),
        minimum: fc.oneof(fc.integer(), fc.string()),
        maxLength: fc.integer({ min: -1, max: 5 }),
        enum: fc.array(DATA, { maxLength: 3 }),
        const: DATA,
        required: fc.oneof(fc.array(fc.constantFrom('a', 'b')), fc.boolean()),
        properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema')),
        items: tie('schema'),
        prefixItems: fc.array(tie('schema'), { maxLength: 2 }),
        anyOf: fc.array(tie('schema'), { maxLength: 2 }),
        allOf: fc.array(tie('schema'), { maxLength: 2 }),
        not: tie('schema'),
        additionalProperties: tie('schema'),
        uniqueItems: fc.oneof(fc.boolean(), fc.constant('yes')),
      },
      { requiredKeys: [] },
    ),
  ),
})).schema;

test('what is refused as a schema, and as a value, is what ajv refuses', { timeout: 60_000 }, () => {
  const oracle = new Ajv2020({ strict: false, logger: false, ownProperties: true });
  fc.assert(
    fc.property(SCHEMA, fc.array(DATA, { maxLength: 5 }), (schema, values) => {
      if (typeof schema !== 'object' || schema === null) return;
      const isLegal = oracle.validateSchema(schema) === true;
      const compiled = compiledOrProblem(schema as Record<string, unknown>);
      if (compiled instanceof SchemaProblem) {
        // Legal, and useless: no value would ever be accepted.
        expect(isLegal && !/no value fits|at least one value/.test(compiled.message)).toBe(false);
        return;
      }
      expect(isLegal).toBe(true);
      const validate = oracle.compile(structuredClone(schema));
      for (const value of values) expect(compiled.check(value).ok).toBe(validate(value));
    }),
    { numRuns: 500 },
  );
});

test('a draft-07 schema means what ajv takes it for', () => {
  const oracle = new Ajv({ strict: false, logger: false });
  const draft07 = fc.record(
    {
      items: fc.oneof(
        fc.array(fc.record({ type: fc.constantFrom('string', 'integer') }), { minLength: 1, maxLength: 2 }),
        fc.record({ type: fc.constantFrom('string', 'integer') }),
      ),
      additionalItems: fc.boolean(),
      dependencies: fc.dictionary(
        fc.constantFrom('a', 'b'),
        fc.oneof(fc.constant(['c']), fc.constant({ maxProperties: 1 })),
      ),
    },
    { requiredKeys: [] },
  );
  const value = fc.oneof(
    fc.array(fc.oneof(fc.integer(), fc.string())),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer()),
  );
  fc.assert(
    fc.property(draft07, value, (schema, data) => {
      const { check } = compileSchema({ $schema: DRAFT_07, ...schema }, { closed: false });
      expect(check(data).ok).toBe(oracle.compile(structuredClone(schema))(data));
    }),
    { numRuns: 300 },
  );
});

test('a value that fits comes back the same', () => {
  const { check } = compileSchema({ additionalProperties: { uniqueItems: true } }, { closed: false });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), DATA), (value) => {
      const result = check(value);
      if (result.ok) expect(canonicalJson(result.value)).toBe(canonicalJson(value));
    }),
  );
});

function compiledOrProblem(schema: Record<string, unknown>) {
  try {
    return compileSchema(schema, { closed: false });
  } catch (error) {
    if (error instanceof SchemaProblem) return error;
    throw error;
  }
}
