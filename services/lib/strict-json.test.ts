import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseStrictJson, StrictJsonError } from './strict-json.ts';

test.each([
  ['a repeated member', '{"exp":1,"exp":2}'],
  ['a repeated member in another spelling', '{"exp":1,"\\u0065xp":2}'],
  ['a repeated member inside', '{"a":[{"b":1,"b":2}]}'],
  ['a repeated empty name', '{"":1,"":2}'],
  ['a repeated name with an escaped quote', '{"a\\"b":1,"a\\"b":2}'],
  ['a member repeated after a nested object', '{"a":{"b":1},"c":[1,{"d":2}],"a":3}'],
  ['a repeated __proto__', '{"__proto__":1,"__proto__":2}'],
  ['nine levels of arrays', '[[[[[[[[[1]]]]]]]]]'],
  ['nine levels of objects', `${'{"a":'.repeat(9)}1${'}'.repeat(9)}`],
  ['no JSON', '{a:1}'],
  ['a byte order mark', '\ufeff{}'],
  ['nothing', ''],
  ['two values', '{} {}'],
])('%s is refused', (_title, text) => {
  expect(() => parseStrictJson(text)).toThrow(StrictJsonError);
});

test.each([
  ['one name in two objects', '[{"a":1},{"a":2}]'],
  ['a name that is also a value', '{"a":"a","b":"a"}'],
  ['text that looks like members', '{"a":"\\"b\\":1,\\"b\\":2","c":"{[,"}'],
  ['a backslash before the end of a text', '{"a":"\\\\","b":"x"}'],
  ['eight levels', '[[[[[[[[1]]]]]]]]'],
  ['white space everywhere', ' { "a" : [ 1 , { "b" : null } ] , "c" : "" } '],
])('%s is accepted', (_title, text) => {
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

test('the error holds nothing of the text', () => {
  expect(() => parseStrictJson('secret-token')).toThrow(/^is not JSON$/);
});

test('whatever JSON.stringify writes is accepted, and doubling any member of it is refused', () => {
  const document = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { minKeys: 1 });
  fc.assert(
    fc.property(document, fc.nat(), (value, choice) => {
      const text = JSON.stringify(value);
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      const names = Object.keys(value);
      const doubled = `${text.slice(0, -1)},${JSON.stringify(names[choice % names.length])}:0}`;
      expect(() => parseStrictJson(doubled)).toThrow(StrictJsonError);
    }),
  );
});
