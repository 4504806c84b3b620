import { expect, test } from 'vitest';
import { MAX_ALIASES, MAX_DEPTH, MAX_DOCUMENTS, MAX_PARTS, readYaml, yamlValue } from './yaml-documents.ts';

const problemsOf = (text: string, max = 20) => {
  const { problems, lineOf } = readYaml(text, max);
  return problems.map(({ offset, message }) => `${lineOf(offset)}: ${message}`);
};

test.each([
  ['documents', '--- 1\n'.repeat(MAX_DOCUMENTS + 1), /^1: holds more than 1000 documents; split it$/],
  ['words', '- a\n'.repeat(MAX_PARTS / 2 + 2), /^5\d{4}: holds more than 100000 keys, values and marks; split it$/],
  ['nesting on one line', '- '.repeat(MAX_DEPTH + 2), /^1: nests deeper than 64$/],
  ['nesting in brackets', '['.repeat(10_000), /^1: nests deeper than 64$/],
  [
    'nesting in maps',
    Array.from({ length: 70 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    /^\d\d: nests deeper than 64$/,
  ],
  ['aliases', `a: &a 1\nb: [${'*a,'.repeat(MAX_ALIASES + 1)}]`, /^2: holds more than 100 aliases/],
])('too many of them (%s) are one problem, with its line', (_title, text, problem) => {
  expect(problemsOf(text)).toEqual([expect.stringMatching(problem)]);
});

test.each([
  ['twice', 'a: 1\nb: 2\na: 3\n', '3: the key "a" stands in this map twice; remove one'],
  ['twice in braces', '{a: 1, a: 2}', '1: the key "a" stands in this map twice; remove one'],
  ['as number and as text', '1: 1\n"1": 2\n', '2: the key "1" stands in this map twice; remove one'],
  ['that is a list', '[a]: 1\n', '1: a key must be text; quote it'],
  ['that is nothing', '~: 1\n', '1: a key must be text; quote it'],
  ['that is an alias', 'a: &a b\n*a : 1\n', '2: a key must be text; quote it'],
  ['that merges', 'a: &a {b: 1}\nc:\n  <<: *a\n', '3: merge keys (<<) are not read; write the fields out'],
])('a key %s', (_title, text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

test('a number that JSON does not have, and a tag that means nothing here', () => {
  expect(problemsOf('a: .inf\n')).toEqual([expect.stringMatching(/^1: "\.inf" is not a number that JSON has/)]);
  expect(problemsOf('a: !secret b\n')).toEqual([expect.stringMatching(/^1: Unresolved tag/)]);
});

test.each(['a: &a [*a]', 'a: &a {b: [1, {c: *a}]}', '&a [*a]'])('an alias inside of what it stands for: %s', (text) => {
  expect(problemsOf(`${text}\n`)).toEqual(['1: *a stands inside of what it stands for; write the values out']);
});

test('no more problems than asked for are looked for', () => {
  expect(problemsOf('a: 1\n'.repeat(10_000), 3)).toHaveLength(3);
});

test('the work grows no faster than the text', () => {
  const timeOf = (count: number) => {
    const text = `{${Array.from({ length: count }, (_, i) => i).join(',')}}`;
    const startMs = performance.now();
    readYaml(text, 20).documents.map(yamlValue);
    return performance.now() - startMs;
  };
  timeOf(1000); // The compiler's turn.
  // Eight times the keys: eight times the time, and some more for what else runs here; squared it would be 64 times.
  expect(timeOf(16_000) / Math.max(10, timeOf(2_000))).toBeLessThan(32);
});

test('what a person wrote is read with its values', () => {
  const { documents, problems } = readYaml('a: [1, yes]\nb: &b {c: "d"}\ne: *b\n---\n# nothing\n', 20);
  expect(problems).toEqual([]);
  expect(documents.map(yamlValue)).toEqual([{ a: [1, true], b: { c: 'd' }, e: { c: 'd' } }, null]);
});
