import { expect, test } from 'vitest';
import { toolOutput } from './tool-output.ts';

const JSON_TYPE = 'application/json';

test('a JSON object becomes outputs by name: texts raw, all else JSON', () => {
  const body = Buffer.from('{"text": "a\\"b", "n": 1.50, "list": [1, "x"], "none": null, "yes": true, "o": {"p": {}}}');
  const { outputs } = Object(toolOutput(body, 'application/json; charset=utf-8'));
  const texts = Object.entries(outputs).map(([name, bytes]) => [name, String(bytes)]);
  expect(Object.fromEntries(texts)).toEqual({
    ...{ text: 'a"b', n: '1.5', list: '[1,"x"]', none: 'null', yes: 'true', o: '{"p":{}}' },
  });
});

test.each([
  ['beyond 2^53', '9007199254740993'],
  ['with many digits after the point', '0.12345678901234567890123'],
  ['negative', '-12345678901234567890'],
  ['with an exponent that no number of JavaScript has', '1e400'],
])('a number %s keeps its digits', (_title, number) => {
  const answer = toolOutput(Buffer.from(`{"n": ${number}, "deep": {"m": [${number}]}}`), JSON_TYPE);
  expect(answer).toEqual({
    success: true,
    outputs: { n: Buffer.from(number), deep: Buffer.from(`{"m":[${number}]}`) },
  });
  const bare = toolOutput(Buffer.from(` ${number}\n`), JSON_TYPE);
  expect(bare).toEqual({ success: true, outputs: {}, structured: Buffer.from(number) });
});

test.each(['[1, 2]', '"text"', 'null', '7', 'true', '[]'])('%s is the structured result', (text) => {
  const answer = toolOutput(Buffer.from(text), 'application/problem+json');
  expect(answer).toEqual({ success: true, outputs: {}, structured: Buffer.from(text) });
});

test.each(['{"__proto__": {"a": 1}}', '{"with space": 1, "a": 2}', '{"": 1}'])(
  '%s is the structured result',
  (text) => {
    const answer = toolOutput(Buffer.from(text), JSON_TYPE);
    expect(answer).toEqual({ success: true, outputs: {}, structured: Buffer.from(text) });
  },
);

test.each([
  ['text', 'text/plain; charset=utf-8', 'hello', [{ text: 'hello' }]],
  ['what calls itself JSON and is none', JSON_TYPE, '{"a": ', [{ blob: Buffer.from('{"a": '), mimeType: JSON_TYPE }]],
  ['XML', 'application/xml', '<a/>', [{ blob: Buffer.from('<a/>'), mimeType: 'application/xml' }]],
  ['a picture', 'image/png', 'png', [{ image: Buffer.from('png'), mimeType: 'image/png' }]],
  ['no media type', undefined, 'x', [{ blob: Buffer.from('x'), mimeType: 'application/octet-stream' }]],
  ['what is no media type', 'a\nb', 'x', [{ blob: Buffer.from('x'), mimeType: 'application/octet-stream' }]],
])('%s is content', (_title, contentType, body, content) => {
  expect(toolOutput(Buffer.from(body), contentType)).toEqual({ success: true, outputs: {}, content });
});

test('text that is no UTF-8 is a file', () => {
  const body = Buffer.from([0xff, 0xfe]);
  expect(toolOutput(body, 'text/plain')).toEqual({
    success: true,
    outputs: {},
    content: [{ blob: body, mimeType: 'text/plain' }],
  });
});

test('JSON that nests deeper than the stack is a file, and nothing falls over', () => {
  const body = Buffer.from(`{"a": ${'['.repeat(500_000)}${']'.repeat(500_000)}}`);
  expect(toolOutput(body, JSON_TYPE)).toMatchObject({ success: true, content: [{ mimeType: JSON_TYPE }] });
});

test('no body is no output', () => {
  expect(toolOutput(Buffer.alloc(0), JSON_TYPE)).toEqual({ success: true, outputs: {} });
});
