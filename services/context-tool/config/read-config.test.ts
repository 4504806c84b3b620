import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatRuntimeProblem } from './problem.ts';
import { createConfigReader, type ReadConfigOptions } from './read-config.ts';
import { createSecrets } from './secrets.ts';

interface Mistake {
  readonly title: string;
  readonly replace: string;
  readonly by: string;
  readonly problems: readonly string[];
}

const { sound, mistakes } = parse(readFileSync(new URL('mistakes.yaml', import.meta.url), 'utf8')) as {
  readonly sound: string;
  readonly mistakes: readonly Mistake[];
};

const outer = mkdtempSync(join(tmpdir(), 'mcp2-runtime-'));
const folder = join(outer, 'config');
beforeAll(() => {
  mkdirSync(join(folder, 'folder'), { recursive: true });
  writeFileSync(join(folder, 'price.mjs'), 'export default () => 1;\n');
  writeFileSync(join(outer, 'secret.sql'), 'SELECT 1\n');
  symlinkSync('../secret.sql', join(folder, 'link.sql'));
});
afterAll(() => rmSync(outer, { recursive: true }));

const readConfig = createConfigReader();

function read(text: string, options: Partial<ReadConfigOptions> = {}) {
  const file = join(folder, 'stock.yaml');
  writeFileSync(file, text);
  return readConfig({ file, workingFolder: folder, sqlite: 'unchecked', ...options });
}

function problemsOf(text: string, options: Partial<ReadConfigOptions> = {}) {
  return (read(text, options).problems ?? []).map((one) =>
    formatRuntimeProblem(one)
      .replace(/^stock\.yaml:/, '')
      .replaceAll(folder, 'FOLDER'),
  );
}

const configOf = (text: string, options: Partial<ReadConfigOptions> = {}) => {
  const { config, problems } = read(text, options);
  expect(problems).toBeUndefined();
  if (config === undefined) throw new Error('a configuration without problems was expected');
  return config;
};

test('the sound configuration of the table has no mistake', () => {
  expect(problemsOf(sound)).toEqual([]);
});

test.each(mistakes)('$title is told with its place and what is allowed', ({ replace, by, problems }) => {
  expect(replace === 'ALL' || sound.includes(replace)).toBe(true);
  expect(problems).not.toEqual([]);
  expect(problemsOf(replace === 'ALL' ? by : sound.replace(replace, () => by))).toEqual(problems);
});

test('no sentence shows what was written in place of a secret', () => {
  expect(mistakes.filter(({ by }) => by.includes('secret')).length).toBeGreaterThan(3);
  for (const { title, by, problems } of mistakes)
    if (by.includes('secret')) expect(problems.join(), title).not.toMatch(/:secret|\.secret|Bearer/);
});

test('mistakes are told all at once, in the order of their lines, and no more than 100 of them', () => {
  const many = sound
    .replace('version: 1.0.0', 'version: 1.0')
    .replace('timeout: 3s', 'timeout: 3')
    .replace('price.mjs', 'prices.mjs')
    .replace(':warehouse\n', ':lot\n');
  const found = problemsOf(many);
  expect(found.map((line) => Number.parseInt(line, 10))).toEqual([1, 14, 15, 20, 38]);
  const hostile = `server: {name: A, version: "1"}\ncontexts:\n${'  - {key: a, ky: b}\n'.repeat(2000)}`;
  expect(problemsOf(hostile).length).toBe(100);
});

test('a configuration is read with its defaults, absolute paths and plain numbers', () => {
  const { server, listen, token, databases, contexts, tools } = configOf(sound);
  expect({ server, listen, token }).toEqual({ server: { name: 'Stock', version: '1.0.0' } });
  expect(databases.get('stock')).toMatchObject({
    kind: 'postgres',
    primary: { url: { fromEnv: 'STOCK_URL' } },
    replicas: [],
    maxConnections: 10,
    statementTimeoutMs: 5000,
    maxLagMs: 1000,
  });
  expect(contexts).toMatchObject([
    { key: 'stock:{sku}:count', query: { database: 'stock', result: 'Value', place: { line: 14, column: 9 } } },
    { http: { method: 'GET', timeoutMs: 3000, maxBytes: 1024 * 1024, headers: {}, place: { line: 18 } } },
    { static: { content: Buffer.from('Main Street'), contentType: 'text/plain; charset=utf-8' } },
  ]);
  expect(tools).toMatchObject([
    { name: 'reserve', annotations: {}, statement: { result: 'Rows', isolation: 'ReadCommitted' } },
    { http: { method: 'POST', body: { json: { article: '{sku}' } }, timeoutMs: 10_000 } },
    {
      module: {
        file: join(folder, 'price.mjs'),
        export: 'default',
        timeoutMs: 10_000,
        memoryBytes: 128 * 1024 * 1024,
        processes: 2,
        native: false,
      },
    },
  ]);
});

test('what the file names is listed for whoever follows it, also when something is wrong', () => {
  writeFileSync(join(folder, 'reserve.sql'), 'UPDATE stock SET held = 1\nWHERE sku = :ski\n');
  const text = sound
    .replace(/sql: UPDATE.*/, 'sqlFile: reserve.sql')
    .replace('{fromEnv: STOCK_URL}', '{fromFile: /run/secrets/url}');
  const { files, problems } = read(text);
  const named = ['stock.yaml', 'reserve.sql', 'price.mjs'].map((name) => join(folder, name));
  expect([...files].sort()).toEqual([...named, '/run/secrets/url'].sort());
  expect(problems).toMatchObject([
    { file: 'reserve.sql', line: 1, message: expect.stringContaining('"sku" is used nowhere') },
    { file: 'reserve.sql', line: 2, column: 13, message: expect.stringMatching(/^":ski" is no segment/) },
  ]);
});

test.each<[string, string, string[]]>([
  ['a text', '{text: "a\\n"}', ['a\n', 'text/plain; charset=utf-8']],
  ['JSON, in canonical form', '{json: {b: 1, a: [true]}}', ['{"a":[true],"b":1}', 'application/json']],
  ['nothing as JSON', '{json: null}', ['null', 'application/json']],
  ['base64', '{base64: AAEC}', ['\u0000\u0001\u0002', 'application/octet-stream']],
  ['a file', '{file: reserve.txt, contentType: text/csv}', ['a,b\n', 'text/csv']],
])('static content: %s', (_title, written, [content, contentType]) => {
  writeFileSync(join(folder, 'reserve.txt'), 'a,b\n');
  const { contexts } = configOf(sound.replace('{text: Main Street}', written));
  expect(contexts[2]).toMatchObject({ static: { content: Buffer.from(content ?? ''), contentType } });
});

test.each<[string, ReadConfigOptions['sqlite'], string, string]>([
  ['below the state folder in mcp2 up', { below: '/state/databases' }, 'stock.db', '/state/databases/stock.db'],
  ['absolute elsewhere', 'absolute', join(tmpdir(), 'stock.db'), join(tmpdir(), 'stock.db')],
  ['either where nothing is opened', 'unchecked', '/no/such/folder/stock.db', '/no/such/folder/stock.db'],
])('the file of an SQLite database lies %s', (_title, sqlite, written, file) => {
  const { databases } = configOf(withSqlite(written), { sqlite });
  expect(databases.get('stock')).toMatchObject({ kind: 'sqlite', file, init: [] });
});

test.each<[string, ReadConfigOptions['sqlite'], string, RegExp]>([
  ['relative in a pod', 'absolute', 'stock.db', /sqlite\.file: write an absolute path/],
  [
    'in a folder that is not there',
    'absolute',
    '/no/such/stock.db',
    /the folder of "\/no\/such\/stock\.db" is not there/,
  ],
  ['absolute in mcp2 up', { below: '/state' }, '/tmp/stock.db', /mcp2 up keeps databases in its state folder/],
  ['above the state folder', { below: '/state' }, '../stock.db', /leads out of the folder "\/state"/],
])('the file of an SQLite database may not lie %s', (_title, sqlite, written, sentence) => {
  expect(problemsOf(withSqlite(written), { sqlite })).toEqual([expect.stringMatching(sentence)]);
});

test('a link that leads nowhere yet may not be where a database is made', () => {
  symlinkSync(join(outer, 'elsewhere.db'), join(folder, 'dangling.db'));
  const [problem] = problemsOf(withSqlite('dangling.db'), { sqlite: { below: folder } });
  expect(problem).toMatch(/leads out of the folder/);
});

test('a mounted ConfigMap, whose files are links into a hidden folder, is read', () => {
  const mounted = join(outer, 'mounted');
  mkdirSync(join(mounted, '..2026_11_30'), { recursive: true });
  symlinkSync('..2026_11_30', join(mounted, '..data'));
  for (const name of ['stock.yaml', 'price.mjs']) symlinkSync(join('..data', name), join(mounted, name));
  writeFileSync(join(mounted, '..data/stock.yaml'), sound);
  writeFileSync(join(mounted, '..data/price.mjs'), 'export default () => 1;\n');
  const { config } = readConfig({ file: join(mounted, 'stock.yaml'), workingFolder: outer, sqlite: 'unchecked' });
  expect(config?.tools[2]).toMatchObject({ module: { file: join(mounted, 'price.mjs') } });
});

test('a secret that is not there is a problem only where secrets are asked for', () => {
  const secrets = (env: Record<string, string>) => ({ secrets: createSecrets(env) });
  expect(problemsOf(sound, secrets({ STOCK_URL: 'postgres://u:secret@db/stock' }))).toEqual([]);
  expect(problemsOf(sound, secrets({}))).toEqual([
    '5:32: databases.stock.postgres.primary.url.fromEnv: the environment variable STOCK_URL is not set; it holds a secret',
  ]);
});

test('a file that cannot be read is one problem', () => {
  const nowhere = { file: join(folder, 'nowhere.yaml'), workingFolder: folder, sqlite: 'unchecked' } as const;
  expect(readConfig(nowhere).problems?.map(formatRuntimeProblem)).toEqual([
    'nowhere.yaml:1:1: cannot be read: there is no such file',
  ]);
  const device = readConfig({ ...nowhere, file: '/dev/zero' });
  expect(device.problems?.map(formatRuntimeProblem)).toEqual([
    '/dev/zero:1:1: cannot be read: it is a device, not a regular file',
  ]);
});

function withSqlite(file: string): string {
  return sound.replace(/postgres:\n.*\n/, `sqlite: {file: ${file}}\n`);
}
