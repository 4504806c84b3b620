import { expect, test } from 'vitest';
import { AnswerTooLarge, encodeAnswer, MAX_ANSWER_BYTES } from './encode-answer.ts';

/** With bytes as text. */
const shown = (value: unknown) => {
  const answer = encodeAnswer(value);
  if (!answer.success) throw new Error('no success');
  const outputs = Object.fromEntries(Object.entries(answer.outputs).map(([key, bytes]) => [key, bytes.toString()]));
  return { outputs, structured: answer.structured?.toString(), content: answer.content };
};

test.each([
  ['strings are written as they are', { a: 'x "y"' }, { a: 'x "y"' }],
  ['bytes too', { a: Buffer.from('abc'), b: new Uint8Array([65]) }, { a: 'abc', b: 'A' }],
  [
    'anything else is JSON',
    { n: 95.8, o: { p: [1] }, t: true, z: null },
    { n: '95.8', o: '{"p":[1]}', t: 'true', z: 'null' },
  ],
  ['a member that is undefined is left out', { a: undefined, b: 1 }, { b: '1' }],
  ['a member with a toJSON is what that gives', { at: new Date(0) }, { at: '"1970-01-01T00:00:00.000Z"' }],
  ['an object without a prototype is one', Object.assign(Object.create(null), { a: 1 }), { a: '1' }],
  ['a member named __proto__ is one like others', JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": "1"}')],
  ['no member is no output', {}, {}],
  ['nothing is no output', undefined, {}],
])('an object becomes outputs: %s', (_title, value, outputs) => {
  expect(shown(value)).toEqual({ outputs, structured: undefined, content: undefined });
});

test.each([
  [[1, 'a'], '[1,"a"]'],
  ['text', '"text"'],
  [1.5, '1.5'],
  [null, 'null'],
  [false, 'false'],
  [new Date(0), '"1970-01-01T00:00:00.000Z"'],
])('%j is the structured result %s', (value, structured) => {
  expect(shown(value)).toEqual({ outputs: {}, structured, content: undefined });
});

test('bytes alone are content', () => {
  expect(shown(Buffer.from('abc'))).toEqual({
    outputs: {},
    structured: undefined,
    content: [{ blob: Buffer.from('abc'), mimeType: 'application/octet-stream' }],
  });
});

const circle: Record<string, unknown> = {};
circle.itself = circle;
test.each([
  ['a circle', circle, /the member "itself" .* no JSON/],
  ['a bigint', { n: 1n }, /the member "n" .* no JSON/],
  ['a function', { f: () => 1 }, /the member "f" .* is a function/],
  ['a bare function', () => 1, /is a function/],
  ['a symbol', Symbol('a'), /is a symbol/],
  ['a Map', new Map([['a', 1]]), /is a Map/],
  ['a Set', new Set(), /is a Set/],
  ['a number array of eight bytes each', new Float64Array(2), /is a Float64Array/],
])('%s is no answer', (_title, value, message) => {
  expect(() => encodeAnswer(value)).toThrow(message);
});

test('the parts of an answer count together', () => {
  const half = Buffer.alloc(MAX_ANSWER_BYTES / 2);
  expect(encodeAnswer({ a: half, b: half.subarray(2) })).toMatchObject({ success: true });
  expect(() => encodeAnswer({ a: half, b: half })).toThrow(AnswerTooLarge);
  expect(() => encodeAnswer('a'.repeat(MAX_ANSWER_BYTES))).toThrow(AnswerTooLarge);
  expect(() => encodeAnswer(Buffer.alloc(MAX_ANSWER_BYTES + 1))).toThrow(AnswerTooLarge);
});
