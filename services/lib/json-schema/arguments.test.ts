import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ServiceError } from '../errors.ts';
import {
  decodeArguments,
  decodeParameters,
  encodeArguments,
  encodeParameters,
  type JsonObject,
  type WireArguments,
} from './arguments.ts';
import { compileSchema } from './compile.ts';

const JSON_TEXT = 1;

const TYPED = compileSchema(
  {
    type: 'object',
    properties: {
      text: { type: 'string' },
      choice: { type: 'string', enum: ['a', 'b'] },
      count: { type: 'integer' },
      price: { type: 'number' },
      flag: { type: 'boolean' },
      list: { type: 'array', items: { type: 'string' } },
      object: { type: 'object' },
      nothing: { type: 'null' },
      image: { type: 'string', contentEncoding: 'base64' },
      old_image: { type: 'string', format: 'byte' },
      either: { type: ['string', 'integer'] },
      any: {},
      maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
      named: { $ref: '#/$defs/sku' },
      constant: { const: 'x' },
    },
    $defs: { sku: { type: 'string' } },
  },
  { closed: true },
);

test.each<[name: string, text: string, value: unknown]>([
  ['text', '42', '42'],
  ['text', '', ''],
  ['text', '\ufeffa\u0000b', '\ufeffa\u0000b'],
  ['choice', 'a', 'a'],
  ['count', '42', 42],
  ['count', ' 42 ', 42],
  ['count', '9007199254740991', Number.MAX_SAFE_INTEGER],
  ['price', '1.50', 1.5],
  ['price', '1e20', 1e20],
  ['flag', 'true', true],
  ['list', '["a"]', ['a']],
  ['object', '{"constructor": 1}', { constructor: 1 }],
  ['nothing', 'null', null],
  ['either', '42', '42'],
  ['any', '42', '42'],
  ['maybe', '42', 42],
  ['named', '42', '42'],
  ['constant', 'x', 'x'],
])('%s=%j is read by its schema as %j', (name, text, value) => {
  expect(decode({ values: { [name]: Buffer.from(text) } })).toEqual({ [name]: value });
});

test.each<[name: string, text: string, value: unknown]>([
  ['text', '"42"', '42'],
  ['either', '42', 42],
  ['either', '"42"', '42'],
  ['any', '{"a":[null]}', { a: [null] }],
  ['image', '"AAE="', 'AAE='],
])('%s=%s that is listed as JSON is %j', (name, text, value) => {
  expect(decode({ values: { [name]: Buffer.from(text) }, encoding: { [name]: JSON_TEXT } })).toEqual({ [name]: value });
});

test('bytes become canonical base64', () => {
  const values = { image: Buffer.of(0, 1, 255), old_image: Buffer.of() };
  expect(decode({ values })).toEqual({ image: 'AAH/', old_image: '' });
});

test('arguments_json is one object with any names', () => {
  const open = compileSchema({ properties: { 'a b': { type: 'integer' } } }, { closed: false });
  const json = Buffer.from('{"a b": 1, "__proto__": {"x": 1}, "$": null}');
  const decoded = decodeArguments(open, { values: {}, json });
  expect(Object.keys(decoded)).toEqual(['a b', '__proto__', '$']);
  expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  expect(({} as { x?: number }).x).toBeUndefined();
});

test('no arguments are an empty object, whatever has_arguments says', () => {
  expect(decode({ values: {}, hasArguments: false })).toEqual({});
  expect(decode({ values: {}, hasArguments: true, json: Buffer.of() })).toEqual({});
});

const utf8 = (text: string) => Buffer.from(text);
test.each<[title: string, wire: WireArguments, path: string]>([
  ['bytes that are no UTF-8', { values: { text: Buffer.of(0xff) } }, '/text'],
  ['overlong UTF-8', { values: { text: Buffer.of(0xc0, 0xaf) } }, '/text'],
  ['a surrogate in UTF-8', { values: { text: Buffer.of(0xed, 0xa0, 0x80) } }, '/text'],
  ['JSON that is no UTF-8', { values: { count: Buffer.of(0x22, 0xff, 0x22) } }, '/count'],
  ['a number that is none', { values: { count: utf8('4 2') } }, '/count'],
  ['an empty number', { values: { count: utf8('') } }, '/count'],
  ['a hexadecimal number', { values: { count: utf8('0x2a') } }, '/count'],
  ['a leading zero', { values: { count: utf8('042') } }, '/count'],
  ['a fraction for an integer', { values: { count: utf8('1.5') } }, '/count'],
  ['NaN', { values: { price: utf8('NaN') } }, '/price'],
  ['Infinity by its exponent', { values: { price: utf8('1e400') } }, '/price'],
  ['an integer that would be rounded', { values: { count: utf8('9007199254740993') } }, '/count'],
  ['a negative one', { values: { price: utf8('-90071992547409930') } }, '/price'],
  ['one deep inside', { values: { object: utf8('{"a":["\\"1",[12345678901234567890]]}') } }, '/object'],
  ['a boolean in capitals', { values: { flag: utf8('TRUE') } }, '/flag'],
  ['a text for a list', { values: { list: utf8('a,b') } }, '/list'],
  ['a wrong entry of a list', { values: { list: utf8('["a", 1]') } }, '/list/1'],
  ['a doubled name', { values: { object: utf8('{"a":1,"a":2}') } }, '/object'],
  ['half a character', { values: { object: utf8('{"a":"\\ud800"}') } }, '/object'],
  ['deep nesting', { values: { list: utf8('['.repeat(100_000) + ']'.repeat(100_000)) } }, '/list'],
  ['JSON with something behind', { values: { object: utf8('{} {}') } }, '/object'],
  ['a byte order mark before JSON', { values: { object: utf8('\ufeff{}') } }, '/object'],
  ['base64 that is not canonical', { values: { image: utf8('"AB=="') }, encoding: { image: JSON_TEXT } }, '/image'],
  ['base64 without padding', { values: { image: utf8('"AAE"') }, encoding: { image: JSON_TEXT } }, '/image'],
  ['a text that is none of the choices', { values: { choice: utf8('c') } }, '/choice'],
  ['a name that nobody knows', { values: { counts: utf8('1') } }, '/counts'],
  ['an encoding of nothing', { values: {}, encoding: { text: JSON_TEXT } }, '/text'],
  ['an encoding that nobody knows', { values: { text: utf8('a') }, encoding: { text: 7 } }, '/text'],
  ['both ways at once', { values: { text: utf8('a') }, json: utf8('{}') }, ''],
  ['an encoding beside the whole', { values: {}, encoding: { text: 1 }, json: utf8('{}') }, ''],
  ['a whole that is a list', { values: {}, json: utf8('[]') }, ''],
  ['a whole that is null', { values: {}, json: utf8('null') }, ''],
  ['a whole that is no JSON', { values: {}, json: utf8('{') }, ''],
])('ARGUMENT_INVALID: %s', (_title, wire, path) => {
  const error = refusal(() => decode(wire));
  expect(error).toMatchObject({ reason: 'ARGUMENT_INVALID', metadata: { path } });
  expect(error.message.length).toBeLessThan(400);
});

test.each(['__proto__', '', 'a b', '-a', 'ä', 'a'.repeat(65)])('the name %j is ARGUMENT_INVALID', (name) => {
  const values = Object.fromEntries([[name, utf8('1')]]);
  expect(refusal(() => decode({ values }))).toMatchObject({ reason: 'ARGUMENT_INVALID' });
});

test('257 arguments are ARGUMENT_INVALID', () => {
  const values = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`a${i}`, utf8('1')]));
  expect(refusal(() => decode({ values })).message).toMatch(/257/);
});

test('texts of megabytes are read in one pass', () => {
  const escapes = '\\"'.repeat(1_000_000);
  const digits = '1'.repeat(1_000_000);
  const open = compileSchema({ properties: { image: { type: 'string', format: 'byte' } } }, { closed: false });
  const json = Buffer.from(`{"a": "${escapes}", "b": 1.${digits}e2}`);
  expect(decodeArguments(open, { values: {}, json })).toHaveProperty('a', '"'.repeat(1_000_000));
  const image = Buffer.alloc(4_000_000, 1);
  expect(decodeArguments(open, { values: { image } })).toHaveProperty('image', image.toString('base64'));
});

test('an error says what may be done, and not what was sent', () => {
  const error = refusal(() => decode({ values: { count: utf8(`"${'S'.repeat(1_000)}"`) } }));
  expect(error.message).toBe('the argument count must be a whole number, not a text');
});

test('a parameter of a context is called one', () => {
  const schema = compileSchema({ properties: { min_qty: { type: 'integer', minimum: 0 } } }, { closed: true });
  expect(decodeParameters(schema, { min_qty: utf8('3') })).toEqual({ min_qty: 3 });
  expect(refusal(() => decodeParameters(schema, { min_qty: utf8('-1') })).message).toBe(
    'the parameter min_qty must be at least 0',
  );
  expect(refusal(() => decodeParameters(schema, { qty: utf8('-1') })).metadata).toEqual({ path: '/qty' });
});

const NAME = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/).filter((name) => name !== '__proto__');
const VALUE = fc.oneof(fc.string({ unit: 'grapheme' }), fc.jsonValue()).filter(isExact);

test('whatever JSON a client sends, a tool that takes anything gets', () => {
  const anything = compileSchema({}, { closed: false });
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(NAME, fc.string()), VALUE), (args) => {
      const sent = encodeArguments(args);
      expect(decodeArguments(anything, onTheWire(sent))).toEqual(asJson(args));
    }),
    { numRuns: 500 },
  );
});

test('typed arguments arrive the same without a client that knows the types', () => {
  const typed = fc.record(
    {
      text: fc.string(),
      count: fc.maxSafeInteger(),
      price: fc.double({ noNaN: true, noDefaultInfinity: true }).filter(isExact),
      flag: fc.boolean(),
      list: fc.array(fc.string()),
      nothing: fc.constant(null),
      either: fc.oneof(fc.string(), fc.maxSafeInteger()),
      any: VALUE,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(typed, (args) => {
      expect(decodeArguments(TYPED, onTheWire(encodeArguments(args)))).toEqual(asJson(args));
    }),
  );
});

test('bytes travel as they are', () => {
  const sent = encodeArguments({ image: Buffer.of(0, 255), old_image: new Uint8Array([1, 2, 3]).subarray(1) });
  expect(sent.arguments).toEqual({ image: Buffer.of(0, 255), old_image: Buffer.of(2, 3) });
  expect(sent.argument_encoding).toEqual({});
  expect(decodeArguments(TYPED, onTheWire(sent))).toEqual({ image: 'AP8=', old_image: 'AgM=' });
});

test('what is undefined is left out, a bigint travels as its digits, a date as its text', () => {
  const sent = encodeArguments({ text: undefined, count: 7n, any: new Date(0) });
  expect(decodeArguments(TYPED, onTheWire(sent))).toEqual({ count: 7, any: '1970-01-01T00:00:00.000Z' });
});

test.each<[title: string, value: unknown]>([
  ['NaN', Number.NaN],
  ['a function', () => 1],
  ['a Map', new Map()],
  ['a bigint inside', { a: 1n }],
  ['a symbol', Symbol('a')],
  ['an object in itself', circular()],
])('a client refuses to send %s', (_title, value) => {
  expect(() => encodeArguments({ value })).toThrow(TypeError);
});

test('parameters travel without a list of encodings', () => {
  expect(encodeParameters({ warehouse: 'NY', min_qty: 3, list: ['b', 'a'], off: undefined })).toEqual({
    warehouse: utf8('NY'),
    min_qty: utf8('3'),
    list: utf8('["b","a"]'),
  });
  expect(() => encodeParameters({ 'a b': 1 })).toThrow(TypeError);
});

function decode(wire: WireArguments): JsonObject {
  return decodeArguments(TYPED, wire);
}

function onTheWire(sent: ReturnType<typeof encodeArguments>): WireArguments {
  return { values: sent.arguments, encoding: sent.argument_encoding, json: sent.arguments_json, hasArguments: true };
}

function asJson(value: JsonObject): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** -0 is 0 in JSON; a whole number beyond 2^53 is refused unless it has an exponent. */
function isExact(value: unknown): boolean {
  const text = JSON.stringify(value);
  return !Object.is(value, -0) && !/\d{16}/.test(text) && !/\\ud[89a-f]/i.test(text);
}

function circular(): object {
  const value: Record<string, unknown> = {};
  value.itself = value;
  return value;
}

function refusal(act: () => unknown): ServiceError {
  try {
    act();
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('it was taken');
}
