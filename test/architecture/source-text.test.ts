import { expect, test } from 'vitest';
import { codeOf, importsOf } from './source-text.ts';

test.each([
  ['a comment', "a; // it's b\nc", 'a;        \nc'],
  ['a block comment', 'a /* b\n*/ c', 'a     \n   c'],
  ['a string', 'f(\'a;b\', "c\\"d")', 'f(\'   \', "    ")'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text under test is a template
  ['a template', 'f(`a ${b({ c: `d` })} e`)', 'f(`  {b({ c: ` ` })}  `)'],
  ['a regular expression', 'x = /[\'"/]\\//.test(y) / 2 / z', 'x = /        /.test(y) / 2 / z'],
])('%s is blanked out and what follows is not', (_title, text, code) => {
  const masked = codeOf(text);
  expect(masked.length).toBe(text.length);
  expect(masked.replaceAll(/\s/g, '')).toBe(code.replaceAll(/\s/g, ''));
});

test('imports are found however they are written, and never in strings', () => {
  const text = [
    "import { a, type B } from './a.ts';",
    "import type { C } from '#lib/c.ts';",
    "import {\n  d,\n} from 'd';",
    "import './e.ts';",
    "export { f } from '../f.ts';",
    "const g = await import('#protos/g.ts');",
    'const text = "import { h } from \'h\'";',
  ].join('\n');
  expect(importsOf({ path: 'services/x/y.ts', text })).toEqual([
    { specifier: './a.ts', target: 'services/x/a.ts', typeOnly: false },
    { specifier: '#lib/c.ts', target: 'services/lib/c.ts', typeOnly: true },
    { specifier: 'd', target: undefined, typeOnly: false },
    { specifier: './e.ts', target: 'services/x/e.ts', typeOnly: false },
    { specifier: '../f.ts', target: 'services/f.ts', typeOnly: false },
    { specifier: '#protos/g.ts', target: 'protos/g.ts', typeOnly: false },
  ]);
});
