/** `mcp2 validate` for configurations of runtime servers, as a person calls it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runMcp2, serverYaml } from '../harness/mcp2-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp2-validate-runtime-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RUNTIME = `# yaml-language-server: $schema=https://example.com/context-tool.schema.json
server: {name: Stock, version: 1.0.0}
databases:
  stock: {postgres: {primary: {url: {fromEnv: NO_SUCH_VARIABLE}}}}
contexts:
  - key: stock:{sku}:count
    query: {database: stock, sqlFile: count.sql, result: Value}
tools:
  - name: price
    module: {file: price.mjs}
`;

const validate = (args: readonly string[], options: { readonly input?: string; readonly cwd?: string } = {}) =>
  runMcp2(['validate', ...args], { state: folder, ...options });

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

write('count.sql', 'SELECT count(*) FROM stock WHERE sku = :sku\n');
// It would end the process if it were run, and no database is where the variable says: there is no such variable.
write('price.mjs', 'process.exit(7);\n');

test('a configuration is checked without a database, a secret or a run of its modules', async () => {
  const file = write('stock.yaml', RUNTIME);
  const { code, stdout, stderr } = await validate([file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(`${file}: runtime server Stock (1 context, 1 tool), valid\n`);
});

test('all mistakes are told with file, line and column, also those in files that it names', async () => {
  write('broken.sql', 'SELECT count(*)\nFROM stock WHERE sku = :ski\n');
  const text = RUNTIME.replace('count.sql', 'broken.sql')
    .replace('price.mjs', 'prices.mjs')
    .replace('tools', 'audit: {}\ntools');
  const file = write('broken.yaml', text);
  const { code, stdout, stderr } = await validate([file]);
  expect(code).toBe(1);
  expect(stdout).toBe(
    `${folder}/broken.sql:2:24: contexts[0].query.sqlFile: ":ski" is no segment of the key and no parameter (here: :sku); where it is no placeholder, put a space behind the colon
${file}:8:1: audit: comes with a later release of mcp2; remove it until then
${file}:11:20: tools[0].module.file: "prices.mjs" cannot be read: there is no such file
`,
  );
  expect(stderr).toBe('error: 3 problems found\n');
});

test('a relative path is told as it was named, and a program gets line and column apart', async () => {
  write('wrong.yaml', RUNTIME.replace('result: Value', 'result: All'));
  const { code, stdout } = await validate(['wrong.yaml', '-o', 'json'], { cwd: folder });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    valid: false,
    files: 1,
    servers: 0,
    problems: [
      {
        file: 'wrong.yaml',
        line: 7,
        column: 58,
        message: 'contexts[0].query.result: "All" is not possible; write one of Value, Row, Rows',
      },
    ],
  });
});

test('from stdin, what it names is looked for from the working folder', async () => {
  expect(await validate(['-'], { input: RUNTIME, cwd: folder })).toMatchObject({ code: 0 });
  const elsewhere = await validate(['-'], { input: RUNTIME, cwd: tmpdir() });
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.stdout).toMatch(/^stdin:7:\d+: .*"count\.sql" cannot be read: there is no such file/);
});

test('a folder may hold both, and something else, which is named and skipped', async () => {
  const inner = mkdtempSync(join(folder, 'both-'));
  writeFileSync(join(inner, 'a.yaml'), serverYaml({ name: 'stock', serverName: 'stock', port: 50061 }));
  writeFileSync(
    join(inner, 'b.yaml'),
    'server: {name: Stock, version: "1"}\ncontexts: [{key: a:b, static: {text: c}}]\n',
  );
  writeFileSync(join(inner, 'c.yaml'), 'replicas: 3\n');
  const { code, stdout, stderr } = await validate([inner]);
  expect(code).toBe(0);
  expect(stdout).toBe(
    `${inner}/a.yaml: 1 server, valid
${inner}/b.yaml: runtime server Stock (1 context, 0 tools), valid
${inner}/c.yaml: nothing to check, only document without apiVersion
`,
  );
  expect(stderr).toMatch(
    /b\.yaml: .*a\.yaml has an Mcp2Server Stock; "mcp2 up" takes its address and not that of this/,
  );
});

test('two runtime servers of one name are a problem of the second', async () => {
  const [one, two] = [write('one.yaml', RUNTIME), write('two.yaml', RUNTIME.replace('Stock', 'STOCK'))];
  const { code, stdout } = await validate([one, two]);
  expect(code).toBe(1);
  expect(stdout).toContain(`${two}:1: server.name: STOCK is already the name of the server in ${one}\n`);
});

test('what was written in place of a secret is not shown', async () => {
  const text = RUNTIME.replace('{fromEnv: NO_SUCH_VARIABLE}', 'postgres://stock:hunter2@db/stock');
  const { code, stdout, stderr } = await validate([write('secret.yaml', text)]);
  expect(code).toBe(1);
  expect(stdout).toContain('a secret never stands in the configuration: write {fromFile: PATH} or {fromEnv: NAME}');
  expect(stdout + stderr).not.toContain('hunter2');
});
