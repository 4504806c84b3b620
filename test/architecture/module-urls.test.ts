// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts under test hold templates
/**
 * Rule 8: a path is not a URL. What Node resolves as a URL gets a URL: in a folder whose name holds "#", "?" or "%" a
 * plain path names another file, and on Windows "C:\…" is read as a URL with the scheme "c:".
 */
import { expect, test } from 'vitest';
import { readRepository, type SourceFile } from './repository.ts';
import { codeOf, lineAt } from './source-text.ts';

/** What makes a URL. `new URL` needs a base, or its argument is the whole URL already. */
const MAKES_URL = /^(?:pathToFileURL\(|new URL\(|import\.meta\.(?:url|resolve)\b)/;
/** Functions and values that give paths of files. */
const MAKES_PATH =
  /\b(?:join|resolve|dirname|tmpdir|homedir|cwd|fileURLToPath)\(|\bimport\.meta\.(?:dirname|filename)\b/;
/** The URL of a file cut up as text: percent signs stay encoded, and on Windows "/C:/…" is no path. */
const URL_AS_PATH = /\bimport\.meta\.url\s*\)?\s*\.(?:pathname|slice|replace|substring|split)\b/g;
/** A program written as text that imports what it is given. */
const IMPORT_IN_TEMPLATE = /\bimport(?:\(| |\b[^;`\n]* from )\$\{([^}]*)\}/g;

test('no import() or Worker gets a plain path, and no path is made into a URL by hand', () => {
  expect(plainPaths(readRepository())).toEqual([]);
});

test.each([
  "const entry = join(folder, 'main.ts');\nawait import(entry);",
  'await import(`${import.meta.dirname}/main.ts`);',
  "await import('/opt/mcp2/cli/main.ts');",
  "import { Worker } from 'node:worker_threads';\nconst worker = new Worker(join(folder, 'worker.ts'), { name: 'a' });",
  "import { Worker } from 'node:worker_threads';\nconst worker = new Worker('./worker.ts');",
  'const module = JSON.stringify(join(folder, name));\nrun(`const { a } = await import(${module});`);',
  'run(`import { a } from ${JSON.stringify(harness)};`);',
  "const args = ['--import', join(folder, 'hooks.ts')];",
  'const url = `file://${path}`;',
  "const url = 'file://' + path;",
  'const url = new URL(join(folder, name));',
  'const url = new URL(import.meta.filename, base);',
  "const file = new URL('./a.yaml', import.meta.url).pathname;",
  'const file = import.meta.url.slice(7);',
])('%s is refused', (text) => {
  expect(plainPaths([{ path: 'cli/mcp2.mjs', text }])).toHaveLength(1);
});

test.each([
  "const { run } = await import('./run.ts');",
  "type Client = import('undici').Client;",
  "await import(pathToFileURL(join(folder, 'main.ts')));",
  'const url = new URL(module, import.meta.url);\nawait import(url);',
  'function start(url: URL) {\n  return import(url.href);\n}',
  "import { Worker } from 'node:worker_threads';\nconst worker = new Worker(new URL('./worker.ts', import.meta.url));",
  "import { Worker } from './workers.ts';\nconst worker = new Worker(name);",
  'const url = pathToFileURL(file);\nrun(`const { a } = await import(${JSON.stringify(url)});`);',
  "const args = ['--import', 'data:text/javascript,'];",
  'const hooks = `data:text/javascript,${source}`;\nrun(["--import", hooks]);\nawait import(hooks);',
  "const text = readFileSync(new URL('../a.yaml', import.meta.url), 'utf8');",
  '// import(path) and `file://${path}` are refused',
])('%s is allowed', (text) => {
  expect(plainPaths([{ path: 'cli/mcp2.mjs', text }])).toEqual([]);
});

function plainPaths(files: readonly SourceFile[]): string[] {
  // This file shows the bad examples.
  const programs = files.filter(({ path }) => /\.(?:ts|mjs)$/.test(path) && !path.endsWith('/module-urls.test.ts'));
  return programs.flatMap((file) => {
    const code = codeOf(file.text);
    const found = [...argumentsIn(file.text, code), ...inTemplates(file.text, code), ...handMade(file.text, code)];
    return found.map(({ at, what }) => `${file.path}:${lineAt(code, at)}: ${what}`);
  });
}

interface Finding {
  readonly at: number;
  readonly what: string;
}

/** First arguments of import(), of a Worker of Node's, of `new URL`, and what follows `--import`. */
function argumentsIn(text: string, code: string): Finding[] {
  const workers = /from ['"](?:node:)?worker_threads['"]/.test(text);
  const calls = /(?<![.\w])import\s*\(|\bnew (?:Worker|URL)\(/g;
  const options = /'--(?:import|loader|experimental-loader)',/g;
  const isOption = (at: number) => /['"]/.test(code.charAt(at));
  return [...code.matchAll(calls), ...[...text.matchAll(options)].filter(({ index }) => isOption(index))].flatMap(
    ({ 0: before, index }) => {
      const argument = firstArgument(text, code, index + before.length);
      const literal = /^['"]/.test(argument);
      if (before.startsWith('new Worker') && !workers) return [];
      if (before.startsWith('new URL')) {
        return MAKES_PATH.test(argument) ? [{ at: index, what: `new URL(${argument}) is made of a path` }] : [];
      }
      if (literal && !before.startsWith('new Worker') && !/^['"]\//.test(argument)) return [];
      return isUrl(argument, text, code) ? [] : [{ at: index, what: `${before} gets the path ${argument}` }];
    },
  );
}

function inTemplates(text: string, code: string): Finding[] {
  return [...text.matchAll(IMPORT_IN_TEMPLATE)]
    .filter(({ index }) => !isComment(text, code, index))
    .filter((found) => !isUrl(found[1] ?? '', text, code))
    .map((found) => ({ at: found.index, what: `${found[0]} is a path` }));
}

function handMade(text: string, code: string): Finding[] {
  const joined = [...text.matchAll(/file:\/\/(?:\$\{|['"] ?\+)/g)].filter(({ index }) => !isComment(text, code, index));
  return [...joined, ...code.matchAll(URL_AS_PATH)].map(({ 0: what, index }) => ({ at: index, what }));
}

/** An expression that makes a URL, or a name that this file declares as one. */
function isUrl(expression: string, text: string, code: string): boolean {
  const bare = expression.replace(/^(?:JSON\.stringify|String)\((.*)\)$/s, '$1').replace(/\.href$/, '');
  if (MAKES_URL.test(bare)) return true;
  if (!/^\w+$/.test(bare)) return false;
  if (new RegExp(`\\b${bare} = ['"\`]data:`).test(text)) return true;
  const made = 'new URL\\(|pathToFileURL\\(|import\\.meta\\.resolve\\(';
  return new RegExp(`\\b${bare}(?:: URL\\b|\\s*=\\s*(?:JSON\\.stringify\\()?(?:${made}))`).test(code);
}

/** To the comma or bracket that ends it; brackets inside of literals do not count. */
function firstArgument(text: string, code: string, start: number): string {
  let depth = 0;
  let end = start;
  for (; end < code.length; end++) {
    const character = code.charAt(end);
    if (depth === 0 && ',)]'.includes(character)) break;
    if ('([{'.includes(character)) depth++;
    if (')]}'.includes(character)) depth--;
  }
  return text.slice(start, end).trim();
}

/** Literals keep their first and last character in `codeOf`, comments keep nothing. */
function isComment(text: string, code: string, at: number): boolean {
  const start = text.lastIndexOf('\n', at) + 1;
  return /^\s*(?:\/\/|\*|\/\*)/.test(text.slice(start, at + 1)) && code.slice(start, at).trim() === '';
}
