/** What is refused when a schema is compiled, with its place: a table. */
import { expect, test } from 'vitest';
import { compileSchema } from './compile.ts';
import { SchemaProblem } from './schema-problem.ts';

const DRAFT_07 = 'http://json-schema.org/draft-07/schema#';

test.each<[title: string, schema: Record<string, unknown>, path: string, message: RegExp]>([
  ['a typo in a keyword', { typ: 'object' }, '/typ', /did you mean "type"/],
  [
    'a typo far inside',
    { properties: { a: { items: { requierd: ['b'] } } } },
    '/properties/a/items/requierd',
    /"required"/,
  ],
  ['a word of nobody', { colour: 'red' }, '/colour', /"x-"/],
  ['a typo in a type', { type: 'interger' }, '/type', /did you mean "integer"/],
  ['a type that is no text', { type: 5 }, '/type', /one of null/],
  ['a bound that is a text', { properties: { n: { minimum: '3' } } }, '/properties/n/minimum', /a number/],
  ['draft-04 exclusiveMinimum', { exclusiveMinimum: true }, '/exclusiveMinimum', /a number/],
  ['draft-03 required', { properties: { a: { required: true } } }, '/properties/a/required', /list of different names/],
  ['a property that is no schema', { properties: { a: 'string' } }, '/properties', /schemas/],
  ['OpenAPI nullable', { type: 'string', nullable: true }, '/nullable', /"null"/],
  ['a list of items', { items: [{ type: 'string' }] }, '/items', /prefixItems/],
  ['prefixItems in draft-07', { $schema: DRAFT_07, prefixItems: [{}] }, '/prefixItems', /write "items"/],
  ['dependencies in 2020-12', { dependencies: {} }, '/dependencies', /not of draft/],
  ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, '/$schema', /2020-12/],
  ['another draft inside', { $defs: { a: { $schema: DRAFT_07 } } }, '/$defs/a/$schema', /whole schema/],
  [
    'a remote $ref',
    { properties: { a: { $ref: 'https://schemas.example/a.json' } } },
    '/properties/a/$ref',
    /nothing is fetched/,
  ],
  ['a $ref to a file', { $ref: 'common.json#/a' }, '/$ref', /nothing is fetched/],
  ['a $ref to a file: URL', { $ref: 'file:///etc/passwd' }, '/$ref', /nothing is fetched/],
  [
    'a $ref to the meta-schema',
    { $ref: 'https://json-schema.org/draft/2020-12/schema' },
    '/$ref',
    /nothing is fetched/,
  ],
  ['a $ref to nothing', { $ref: '#/$defs/missing' }, '/$ref', /leads to no schema/],
  ['a $ref to no schema', { $ref: '#/required', required: ['a'] }, '/$ref', /leads to no schema/],
  ['a $ref to an anchor of nobody', { $ref: '#item' }, '/$ref', /leads to no schema/],
  ['a $ref with a broken escape', { $ref: '#/%zz' }, '/$ref', /leads to no schema/],
  ['a $ref to itself', { $ref: '#' }, '/$ref', /would not end/],
  [
    'a $ref that comes back through allOf',
    { $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { anyOf: [{ $ref: '#/$defs/a' }] } } },
    '/$defs/a/allOf/0/$ref',
    /would not end/,
  ],
  ['a $ref that comes back through not', { not: { $ref: '#' } }, '/not/$ref', /would not end/],
  ['a $ref that comes back through else', { if: true, else: { $ref: '#' } }, '/else/$ref', /would not end/],
  [
    'a $ref that comes back by its $id',
    { $id: 'https://a.example/b', allOf: [{ $ref: 'b' }] },
    '/allOf/0/$ref',
    /would not end/,
  ],
  ['$dynamicRef', { $dynamicRef: '#a' }, '/$dynamicRef', /"\$ref"/],
  ['a lookahead', { properties: { a: { pattern: '^(?=a)' } } }, '/properties/a/pattern', /RE2/],
  ['a backreference', { pattern: '(a)\\1' }, '/pattern', /RE2/],
  ['a pattern as a name', { patternProperties: { '(?<!a)b': {} } }, '/patternProperties', /RE2/],
  ['a pattern that is too large', { pattern: '(a{1000}){1000}' }, '/pattern', /RE2/],
  [
    'a required name that cannot be',
    { properties: { sku: {} }, required: ['skus'], additionalProperties: false },
    '/required/0',
    /no value fits/,
  ],
  [
    'a default of the wrong type',
    { properties: { a: { type: 'integer', default: 'x' } } },
    '/properties/a/default',
    /a whole number, not a text/,
  ],
  [
    '__proto__ as a property',
    { properties: JSON.parse('{"__proto__": {"type": "string"}}') },
    '/properties',
    /__proto__/,
  ],
  ['a function', { properties: { a: { const: () => 1 } } }, '/properties/a/const', /no JSON value/],
  ['not a number', { minimum: Number.NaN }, '/minimum', /no JSON value/],
  ['an empty enum', { enum: [] }, '/enum', /at least one/],
  ['two schemas of one $id', { $defs: { a: { $id: 'a' }, b: { $id: 'a' } } }, '/$defs/b/$id', /another schema/],
])('refused at load with its place: %s', (_title, schema, path, message) => {
  const problem = problemOf(schema);
  expect(`/${problem.path.join('/')}`).toBe(path);
  expect(problem.message).toMatch(message);
});

test('a schema is bounded in depth, in values and in size', () => {
  const deep = Array.from({ length: 60 }).reduce<object>((inner) => ({ items: inner }), {});
  expect(problemOf(deep).message).toMatch(/deeper/);
  const itself: Record<string, unknown> = {};
  itself.items = itself;
  expect(problemOf(itself).message).toMatch(/deeper/);
  expect(problemOf({ enum: Array.from({ length: 60_000 }, (_, i) => i) }).message).toMatch(/50000 values/);
  expect(problemOf({ description: 'x'.repeat(200_000) }).message).toMatch(/larger/);
});

test('a row of $refs that is too long is told, not fatal', () => {
  const links = Array.from({ length: 3_000 }, (_, i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }]);
  const schema = { $ref: '#/$defs/d0', $defs: { ...Object.fromEntries(links), d3000: {} } };
  expect(problemOf(schema).message).toMatch(/too many/);
});

test('a thousand defaults are checked at once', () => {
  const property = { type: 'object', properties: { n: { type: 'integer', default: 3 } }, default: {} };
  const properties = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, property]));
  expect(compileSchema({ properties }, { closed: true }).check({})).toMatchObject({
    ok: true,
    value: { p499: { n: 3 } },
  });
});

test('all that is wrong is told at once', () => {
  const { problems } = problemOf({ typ: 'object', properties: { a: { minimum: 'x' }, b: { patern: 'a' } } });
  expect(problems.map(({ path }) => path.join('/'))).toEqual(['typ', 'properties/a/minimum', 'properties/b/patern']);
});

function compiledOrProblem(schema: Record<string, unknown>) {
  try {
    return compileSchema(schema, { closed: false });
  } catch (error) {
    if (error instanceof SchemaProblem) return error;
    throw error;
  }
}

function problemOf(schema: object): SchemaProblem {
  const compiled = compiledOrProblem(schema as Record<string, unknown>);
  if (compiled instanceof SchemaProblem) return compiled;
  throw new Error('the schema was taken');
}
