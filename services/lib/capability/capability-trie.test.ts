import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CapabilityTrie } from './capability-trie.ts';
import { compilePattern, overlaps, type Pattern } from './pattern.ts';

const pattern = (text: string): Pattern => {
  const compiled = compilePattern(text);
  if (compiled === undefined) throw new Error(`${text} is no pattern`);
  return compiled;
};

function trieOf(...patterns: readonly string[]): CapabilityTrie<string> {
  const trie = new CapabilityTrie<string>();
  for (const text of patterns) trie.add(pattern(text), text);
  return trie;
}

const found = (trie: CapabilityTrie<string>, filter: string) => [...trie.find(pattern(filter))].sort();

describe('find', () => {
  test.each([
    ['an exact name is found', ['db:inventory:read'], 'db:inventory:read', ['db:inventory:read']],
    ['a longer name is another one', ['db:inventory'], 'db:inventory:read', []],
    ['a registered trailing * needs one more segment', ['db:inventory:*'], 'db:inventory', []],
    ['a registered trailing * reaches any depth', ['db:*'], 'db:inventory:read', ['db:*']],
    ['a registered inner * is exactly one segment', ['event:*:low'], 'event:a:b:low', []],
    ['the bare * is found by every filter', ['*'], 'tool:price', ['*']],
    ['a filter with a trailing * finds what is below it', ['db:a:read', 'db:b', 'db'], 'db:*', ['db:a:read', 'db:b']],
    ['a filter with a trailing * overlaps a shorter trailing *', ['db:*'], 'db:a:*', ['db:*']],
    ['an item found by two of its patterns is returned once', ['db:*', 'db:a:*'], 'db:a:b', ['db:*', 'db:a:*']],
  ])('%s', (_title, registered, filter, expected) => {
    expect(found(trieOf(...registered), filter)).toEqual(expected);
  });

  test('an item with several overlapping patterns is found once', () => {
    const trie = new CapabilityTrie<string>();
    for (const text of ['db:*', 'db:a:read', 'db:*:read']) trie.add(pattern(text), 'server');
    expect([...trie.find(pattern('db:a:read'))]).toEqual(['server']);
  });

  test('one answer does not change when the next filter is asked', () => {
    const trie = trieOf('db:a', 'db:*');
    const before = trie.find(pattern('db:a'));
    trie.find(pattern('db:b'));
    expect([...before].sort()).toEqual(['db:*', 'db:a']);
  });
});

const segment = fc.constantFrom('a', 'b', 'c', '*');
const anyPattern = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join(':'));

test('the trie finds what overlaps() finds, for any set of patterns and any filter', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyPattern, { maxLength: 40 }), anyPattern, (registered, filter) => {
      expect(found(trieOf(...registered), filter)).toEqual(registered.filter((text) => overlaps(text, filter)).sort());
    }),
    { numRuns: 2000 },
  );
});

test('patterns that were removed are found no more, and the others still are', () => {
  const removals = fc.uniqueArray(anyPattern, { maxLength: 20 });
  fc.assert(
    fc.property(fc.uniqueArray(anyPattern, { maxLength: 30 }), removals, anyPattern, (registered, removed, filter) => {
      const trie = trieOf(...registered);
      for (const text of removed) trie.remove(pattern(text), text);
      const left = registered.filter((text) => !removed.includes(text));
      expect(found(trie, filter)).toEqual(left.filter((text) => overlaps(text, filter)).sort());
    }),
    { numRuns: 1000 },
  );
});
