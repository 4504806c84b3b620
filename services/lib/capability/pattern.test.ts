import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePattern, contains, isConcrete, isTopicFilter, matches, overlaps, prefixed } from './pattern.ts';

test.each([
  ['a trailing * matches one segment', 'db:inventory:*', 'db:inventory:read', true],
  ['a trailing * matches several segments', 'inventory:*', 'inventory:p1:stock', true],
  ['a trailing * needs something to match', 'db:inventory:*', 'db:inventory', false],
  ['a trailing * does not take an empty segment (S2)', 'inventory:*', 'inventory:', false],
  ['an inner * matches exactly one segment (S3)', 'inventory:*:low_stock', 'inventory:p1:low_stock', true],
  ['an inner * does not match two segments', 'inventory:*:low_stock', 'inventory:p1:x:low_stock', false],
  ['a leading * matches exactly one segment', '*:read', 'db:read', true],
  ['a * inside a segment matches nothing (S2)', 'inventory*', 'inventoryX:secret', false],
  ['a * inside a segment does not even match itself', 'inventory*', 'inventory*', false],
  ['a doubled * matches nothing (S4)', 'inventory**', 'inventory:p1', false],
  ['a doubled * as a segment matches nothing', 'inventory:**', 'inventory:p1', false],
  ['a bare * matches everything', '*', 'a:b:c', true],
  ['case counts', 'db:inventory', 'db:Inventory', false],
  ['a pattern is no name', 'inventory:*', 'inventory:*', false],
  ['a longer name is not matched by a literal', 'a:b', 'a:b:c', false],
  ['# is reserved', 'a:#', 'a:b', false],
  ['? is reserved', 'a:?', 'a:b', false],
  ['[ is reserved', 'a:[b]', 'a:b', false],
  ['{ is reserved', 'a:{b}', 'a:b', false],
  ['> is no wildcard', 'a:>', 'a:b', false],
])('%s: %s on %s', (_title, pattern, name, expected) => {
  expect(matches(pattern, name)).toBe(expected);
});

test.each([
  ['a filter that only overlaps is not contained', 'inventory:p1:*', 'inventory:*', false],
  ['a narrower filter is contained', 'inventory:*', 'inventory:*:low_stock', true],
  ['Rest is contained in an equal Rest', 'inventory:*', 'inventory:*', true],
  ['Rest is not contained in One', '*:read', 'db:*', false],
  ['One is contained in Rest', 'db:*', 'db:*:read', true],
  ['everything is contained in *', '*', '*:*', true],
  ['* is not contained in *:*, which needs two segments', '*:*', '*', false],
  ['a malformed pattern contains nothing', 'inventory**', 'inventory:p1', false],
  ['nothing contains a malformed pattern', '*', 'inventory**', false],
])('%s: %s over %s', (_title, granted, wanted, expected) => {
  expect(contains(granted, wanted)).toBe(expected);
});

test.each([
  ['', 'an empty text'],
  [':', 'two empty segments'],
  ['a::b', 'an empty segment'],
  ['a:', 'a trailing colon'],
  [' a', 'a leading space'],
  ['a\n', 'a trailing newline'],
  ['a/b', 'a slash'],
  ['a%3Ab', 'an escape'],
  ['-a', 'a segment that begins with -'],
  ['é', 'a letter outside ASCII'],
  ['a\u0000', 'NUL'],
  ['$x', 'a dollar sign'],
  ['a'.repeat(129), 'a segment of 129 bytes'],
  [Array(17).fill('a').join(':'), '17 segments'],
  [Array(5).fill('a'.repeat(128)).join(':'), 'more than 512 bytes'],
])('%j is no pattern: %s', (text) => {
  expect(compilePattern(text)).toBeUndefined();
});

test('the longest legal name is a pattern', () => {
  expect(compilePattern(Array(16).fill('a').join(':'))?.atoms).toHaveLength(16);
  expect(compilePattern('a'.repeat(128))).toBeDefined();
});

test('a topic filter has at most 12 segments, its trailing * included', () => {
  const filters = [Array(12).fill('a').join(':'), `${Array(12).fill('a').join(':')}:*`].map(compilePattern);
  expect(filters.map((filter) => filter && isTopicFilter(filter))).toEqual([true, false]);
});

test('a required capability may be longer than a name and is still covered by a wildcard', () => {
  const key = compilePattern(Array(16).fill('a').join(':'));
  expect(key && contains('context:read:a:*', prefixed(['context', 'read'], key))).toBe(true);
});

/*
 * Brute force: a pattern is the set of names it matches, by a definition that shares no code with the product.
 * Names up to 6 segments over the literals of the patterns and one fresh letter tell all patterns of up to 4 apart.
 */
const PATTERNS = words(['a', 'b', '*'], 4);
const NAMES = words(['a', 'b', 'z'], 6);
const MATCHED = new Map(PATTERNS.map((pattern) => [pattern, NAMES.map((name) => slowlyMatches(pattern, name))]));

test('matches agrees with brute force on every small pattern and name', () => {
  expect(PATTERNS).toHaveLength(120);
  for (const pattern of PATTERNS) {
    const verdicts = NAMES.map((name) => matches(pattern, name));
    expect(verdicts, pattern).toEqual(MATCHED.get(pattern));
  }
});

test('contains and overlaps agree with brute force on all 14,400 pairs of small patterns', () => {
  const mismatches: string[] = [];
  for (const a of PATTERNS) {
    for (const b of PATTERNS) {
      const inA = MATCHED.get(a) ?? [];
      const inB = MATCHED.get(b) ?? [];
      const isSubset = inB.every((matched, i) => !matched || inA[i]);
      const meet = inB.some((matched, i) => matched && inA[i]);
      if (contains(a, b) !== isSubset) mismatches.push(`contains(${a}, ${b})`);
      if (overlaps(a, b) !== meet) mismatches.push(`overlaps(${a}, ${b})`);
    }
  }
  expect(mismatches).toEqual([]);
});

test('whatever a wanted pattern matches, the pattern that contains it matches too', () => {
  const atom = fc.constantFrom('a', 'b', 'c', '*');
  const pattern = fc.array(atom, { minLength: 1, maxLength: 16 }).map((atoms) => atoms.join(':'));
  fc.assert(
    fc.property(
      pattern,
      pattern,
      fc.array(fc.constantFrom('a', 'b', 'z'), { maxLength: 5 }),
      (granted, wanted, tail) => {
        const sample = sampleOf(wanted, tail);
        if (contains(granted, wanted)) expect(matches(granted, sample)).toBe(true);
        if (matches(granted, sample)) expect(overlaps(granted, wanted)).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

test('a concrete pattern is told from a wildcard', () => {
  expect(['a:b', 'a:*', '*:a'].map(compilePattern).map((pattern) => pattern && isConcrete(pattern))).toEqual([
    true,
    false,
    false,
  ]);
});

function words(alphabet: readonly string[], maxLength: number): string[] {
  const all: string[] = [];
  let layer: string[] = [...alphabet];
  for (let length = 1; length <= maxLength; length++) {
    all.push(...layer);
    layer = layer.flatMap((word) => alphabet.map((letter) => `${word}:${letter}`));
  }
  return all;
}

function slowlyMatches(pattern: string, name: string): boolean {
  const inner = pattern.replace(/\*$/, '[a-z]+(:[a-z]+)@').replaceAll('*', '[a-z]+').replace('@', '*');
  return new RegExp(`^${inner}$`).test(name);
}

/** A name that `pattern` matches: One becomes the fresh letter, Rest the tail. */
function sampleOf(pattern: string, tail: readonly string[]): string {
  const rest = ['z', ...tail].slice(0, Math.max(1, 17 - pattern.split(':').length));
  return pattern.replace(/\*$/, rest.join(':')).replaceAll('*', 'z');
}
