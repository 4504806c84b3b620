import { expect, test } from 'vitest';
import { parseBody } from './body-template.ts';

test.each<[string, unknown, Record<string, unknown>, unknown]>([
  ['a constant', { a: [1, null, true, 'x'] }, {}, { a: [1, null, true, 'x'] }],
  ['a text', { a: '{a}' }, { a: 'x' }, { a: 'x' }],
  ['a number', { a: '{a}' }, { a: 7 }, { a: 7 }],
  ['a text that looks like a number', { a: '{a}' }, { a: '7' }, { a: '7' }],
  ['null', { a: '{a}' }, { a: null }, { a: null }],
  ['an object', { a: '{a}' }, { a: { b: [1] } }, { a: { b: [1] } }],
  ['inside of a text', { a: 'n={a}, o={b}' }, { a: 7, b: { c: 1 } }, { a: 'n=7, o={"c":1}' }],
  ['in a list', ['{a}', 'x', '{b}'], { a: 1, b: 2 }, [1, 'x', 2]],
  ['deep', { a: { b: [{ c: '{a}' }] } }, { a: 1 }, { a: { b: [{ c: 1 }] } }],
  ['the whole body', '{a}', { a: [1, 2] }, [1, 2]],
  ['an absent member', { a: '{a}', b: 1 }, {}, { b: 1 }],
  ['an absent item', ['{a}', 1], {}, [1]],
  ['a value that looks like a template', { a: '{a}' }, { a: '{b}', b: 'x' }, { a: '{b}' }],
  ['a value with quotes', { a: '{a}' }, { a: '","admin":"true' }, { a: '","admin":"true' }],
  ['braces that are no placeholder', { a: '{"x": 1} {}' }, {}, { a: '{"x": 1} {}' }],
])('%s', (_title, template, values, expected) => {
  const body = parseBody(template);
  expect(body.problems).toEqual([]);
  expect(JSON.parse(body.fill(values))).toEqual(expected);
});

test('a member __proto__ is data on both sides', () => {
  const template: unknown = JSON.parse('{"__proto__": "{a}"}');
  expect(parseBody(template).fill({ a: JSON.parse('{"__proto__": 1}') })).toBe('{"__proto__":{"__proto__":1}}');
});

test.each([
  ['inside of a longer text', { a: 'for {a}' }],
  ['as the whole body', '{a}'],
])('an absent name %s is refused', (_title, template) => {
  const invalid = expect.objectContaining({ reason: 'ARGUMENT_INVALID', metadata: { path: '/a' } });
  expect(() => parseBody(template).fill({})).toThrow(invalid);
});

test('a placeholder as the name of a member is a problem with its place', () => {
  expect(parseBody({ a: [{ '{name}': 1 }] }).problems).toEqual([
    { path: 'json.a[0]', message: expect.stringContaining('{name}') },
  ]);
});

test('names are found wherever they stand', () => {
  expect(parseBody({ a: '{x}', b: ['c {y} {x}'] }).names).toEqual(['x', 'y', 'x']);
});
