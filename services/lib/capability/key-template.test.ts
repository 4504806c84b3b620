import { describe, expect, test } from 'vitest';
import { type KeyTemplate, KeyTemplateTable, parseKeyTemplate } from './key-template.ts';

function template(text: string): KeyTemplate {
  const parsed = parseKeyTemplate(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

test('a template says its area, its names and its pattern', () => {
  expect(template('inventory:{sku}:stock_count')).toMatchObject({
    area: 'inventory',
    names: ['sku'],
    pattern: 'inventory:*:stock_count',
  });
  expect(template('company')).toMatchObject({ area: 'company', names: [], pattern: 'company' });
});

test.each([
  ['an empty text', '', /segment ""/],
  ['an empty segment', 'a::b', /segment ""/],
  ['a first segment in braces', '{a}:b', /first segment/],
  ['a wildcard', 'a:*', /segment "\*"/],
  ['half a brace', 'a:{b', /segment "\{b"/],
  ['braces inside a segment', 'a:x{b}', /segment "x\{b\}"/],
  ['an empty name', 'a:{}', /name ""/],
  ['a name that begins with a digit', 'a:{1}', /name "1"/],
  ['a name that would change an object', 'a:{__proto__}', /__proto__/],
  ['two segments of one name', 'a:{b}:{b}', /two segments/],
  ['17 segments', Array.from({ length: 17 }, () => 'a').join(':'), /17 segments; at most 16/],
  ['more than 512 characters', `a:${'b'.repeat(600)}`, /602 characters/],
  ['a space', 'a:b c', /segment/],
])('%s is no template', (_title, text, problem) => {
  expect(parseKeyTemplate(text)).toMatch(problem);
});

test('a key gives the values of its segments, those of awkward names too', () => {
  const table = new KeyTemplateTable<string>();
  table.add(template('a:{constructor}:{toString}'), 'x');
  expect(table.find('a:b:c')).toEqual({ value: 'x', segments: { constructor: 'b', toString: 'c' } });
  expect(table.find('a:b')).toBeUndefined();
  expect(table.find('constructor')).toBeUndefined();
});

test('templates that no literal tells apart are refused, and the first stays', () => {
  const table = new KeyTemplateTable<number>();
  expect(table.add(template('a:{x}:b'), 1)).toBeUndefined();
  expect(table.add(template('a:{y}:b'), 2)?.text).toBe('a:{x}:b');
  expect(table.find('a:1:b')).toEqual({ value: 1, segments: { x: '1' } });
});

describe('every set of three templates over two literals', () => {
  const atoms = ['a', 'b', '{x}'];
  const texts = ['a', 'b'].flatMap((first) => [
    first,
    ...atoms.map((second) => `${first}:${second}`),
    ...atoms.flatMap((second) => atoms.map((third) => `${first}:${second}:${third.replace('x', 'y')}`)),
  ]);
  const literals = ['a', 'b', 'c'];
  const keys = literals.flatMap((one) => [
    one,
    ...literals.map((two) => `${one}:${two}`),
    ...literals.flatMap((two) => literals.map((three) => `${one}:${two}:${three}`)),
  ]);

  /** The rule as it is written down: of those that fit, the one that is literal where they first differ. */
  function slowFind(templates: readonly string[], key: string): string | undefined {
    const parts = key.split(':');
    const isLiteral = (segment: string | undefined) => segment?.startsWith('{') === false;
    const fitting = templates.filter((text) => {
      const segments = text.split(':');
      return segments.length === parts.length && segments.every((one, i) => !isLiteral(one) || one === parts[i]);
    });
    return fitting.reduce<string | undefined>((best, text) => {
      if (best === undefined) return text;
      const [a, b] = [best.split(':'), text.split(':')];
      const i = a.findIndex((segment, at) => isLiteral(segment) !== isLiteral(b[at]));
      return isLiteral(b[i]) ? text : best;
    }, undefined);
  }

  test('finds for each key what the rule says, in whichever order they were added', () => {
    const mismatches: unknown[] = [];
    for (let i = 0; i < texts.length; i++) {
      for (let j = i + 1; j < texts.length; j++) {
        for (let k = j + 1; k < texts.length; k++) {
          const chosen = [texts[i], texts[j], texts[k]] as string[];
          for (const order of [chosen, chosen.toReversed()]) {
            const table = new KeyTemplateTable<string>();
            for (const text of order) table.add(template(text), text);
            for (const key of keys) {
              const [is, should] = [table.find(key)?.value, slowFind(order, key)];
              if (is !== should) mismatches.push({ order, key, is, should });
            }
          }
        }
      }
    }
    expect(mismatches).toEqual([]);
  });
});
