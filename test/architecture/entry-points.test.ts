/** Rule 3: main.ts alone meets the process; everything else gets what it needs as arguments. */
import { expect, test } from 'vitest';
import { isTest, readSources, type SourceFile } from './repository.ts';
import { findInCode, importsOf } from './source-text.ts';

/** The environment and exit of the process, however they are reached. */
const PROCESS = /\bprocess\s*(?:\?\.|\.)\s*(?:env|exit|abort|kill)\b|\bprocess\s*\[|=\s*process\s*[;,)]/g;
/** Wall time and chance, which a test could not move. */
const AMBIENT = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/g;

/**
 * A library is imported, so that no main.ts of ours could hand it the environment: this file alone of the SDKs reads it,
 * where the caller names none.
 */
const AMBIENT_OF_LIBRARY = 'sdk/client/ambient.ts';

test('main.ts is imported by nothing', () => {
  expect(importsOfMain(readSources())).toEqual([]);
});

test('main.ts alone reads the environment and ends the process, and for a library its ambient.ts', () => {
  expect(usesOfProcess(readSources())).toEqual([]);
});

test('time and randomness are arguments: only clock.ts reads the time of day', () => {
  expect(ambientTimeOrChance(readSources())).toEqual([]);
});

test('an import of main.ts is refused, in tests too', () => {
  const text = "import { run } from '../../services/registry/main.ts';";
  expect(importsOfMain([{ path: 'test/integration/a.test.ts', text }])).toHaveLength(1);
});

test.each([
  'const port = process.env.PORT;',
  "const port = process['env'];",
  'const { env } = process;',
  "import { env } from 'node:process';",
  'process.exit(1);',
  'process?.exit();',
])('%s is refused outside of main.ts and allowed in it', (text) => {
  expect(usesOfProcess([{ path: 'services/registry/start.ts', text }])).toHaveLength(1);
  expect(usesOfProcess([{ path: 'services/registry/main.ts', text }])).toEqual([]);
});

test('in an SDK the environment is read in one file, which may not end the process either', () => {
  const reads = 'export const of = () => process.env;';
  expect(usesOfProcess([{ path: AMBIENT_OF_LIBRARY, text: reads }])).toEqual([]);
  expect(usesOfProcess([{ path: 'sdk/client/connect.ts', text: reads }])).toHaveLength(1);
  expect(usesOfProcess([{ path: AMBIENT_OF_LIBRARY, text: 'process.exit(1);' }])).toHaveLength(1);
});

test.each(['const now = Date.now();', 'const now = new Date();', 'const chance = Math.random();'])(
  '%s is refused, in a test file too when it lies beside the product',
  (text) => {
    expect(ambientTimeOrChance([{ path: 'services/registry/ranking.ts', text }])).toHaveLength(1);
    expect(ambientTimeOrChance([{ path: 'services/lib/clock.ts', text }])).toEqual([]);
  },
);

test('a date made from an argument and chance handed on are no ambient state', () => {
  const text = 'const at = new Date(nowMs);\nstart({ random: Math.random }); // not Date.now()';
  expect(ambientTimeOrChance([{ path: 'services/registry/start.ts', text }])).toEqual([]);
});

function importsOfMain(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target?.endsWith('/main.ts'))
      .map(({ target }) => `${file.path} imports ${target}`),
  );
}

function usesOfProcess(files: readonly SourceFile[]): string[] {
  // Each file of examples/ is an entry file: it is what a reader runs.
  const isEntry = (path: string) => path.endsWith('/main.ts') || path.startsWith('examples/');
  const product = files.filter((file) => !isTest(file) && !isEntry(file.path));
  return product.flatMap((file) => [
    ...findInCode(file, PROCESS).filter((use) => file.path !== AMBIENT_OF_LIBRARY || !use.endsWith(' process.env')),
    ...importsOf(file)
      .filter(({ specifier }) => /^(?:node:)?process$/.test(specifier))
      .map(({ specifier }) => `${file.path} imports ${specifier}`),
  ]);
}

function ambientTimeOrChance(files: readonly SourceFile[]): string[] {
  const product = files.filter((file) => !isTest(file) && file.path !== 'services/lib/clock.ts');
  return product.flatMap((file) => findInCode(file, AMBIENT));
}
