import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileSchema } from './compile.ts';
import { decodeResult, encodeResult } from './results.ts';

const NONE = Buffer.alloc(0);

test('an object becomes one output for each member', () => {
  const { outputs, structured } = encodeResult({
    price: 95.8,
    note: 'ok',
    image: Buffer.of(1),
    list: [2, 1],
    off: undefined,
  });
  expect(outputs).toEqual({
    price: Buffer.from('95.8'),
    note: Buffer.from('ok'),
    image: Buffer.of(1),
    list: Buffer.from('[2,1]'),
  });
  expect(structured).toBeUndefined();
});

test.each<[value: unknown, text: string]>([
  [[1, 2], '[1,2]'],
  ['text', '"text"'],
  [5, '5'],
  [null, 'null'],
  [{ 'a b': 1 }, '{"a b":1}'],
  [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
])('%j is no object with parameter names: one JSON text', (value, text) => {
  expect(encodeResult(value)).toEqual({ outputs: {}, structured: Buffer.from(text) });
  expect(decodeResult({}, Buffer.from(text))).toEqual(value);
});

test('a result that is undefined has no outputs', () => {
  expect(encodeResult(undefined)).toEqual({ outputs: {} });
});

test('with the output schema the value is the same again', () => {
  const { forms } = compileSchema(
    {
      properties: {
        sku: { type: 'string' },
        n: { type: 'number' },
        flags: { type: 'array' },
        image: { format: 'byte', type: 'string' },
      },
    },
    { closed: false },
  );
  fc.assert(
    fc.property(
      fc.record({ sku: fc.string(), n: fc.integer(), flags: fc.array(fc.boolean()) }, { requiredKeys: [] }),
      fc.uint8Array(),
      (value, image) => {
        const { outputs, structured = NONE } = encodeResult({ ...value, image });
        expect(decodeResult(outputs, structured, forms)).toEqual({ ...value, image: Buffer.from(image) });
      },
    ),
  );
});

test('without a schema JSON is read as JSON, other text as text, other bytes as bytes', () => {
  const outputs = { a: Buffer.from('{"b":1}'), c: Buffer.from('00123'), d: Buffer.from('NY'), e: Buffer.of(0xff) };
  expect(decodeResult(outputs, NONE)).toEqual({ a: { b: 1 }, c: '00123', d: 'NY', e: Buffer.of(0xff) });
});

test('an answer that does not fit the schema is still given', () => {
  const { forms } = compileSchema({ properties: { n: { type: 'integer' } } }, { closed: false });
  expect(decodeResult({ n: Buffer.from('many') }, NONE, forms)).toEqual({ n: 'many' });
});
