/** `mcp2 up` and the configurations of runtime servers in its folder: from a file to an answer, and every change after that. */
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';
import { freePorts } from '../harness/ports.ts';

const services = loadServices();

interface RuntimeFile {
  readonly name?: string;
  readonly port: number;
  readonly text?: string;
}

const runtimeYaml = ({
  name = 'Stock',
  port,
  text = 'Main Street',
}: RuntimeFile) => `server: {name: ${name}, version: 1.0.0}
listen: 127.0.0.1:${port}
databases:
  stock: {sqlite: {file: stock.db, init: [stock.sql]}}
contexts:
  - key: company:address
    static: {text: ${text}}
  - key: stock:{sku}:count
    query: {database: stock, sqlFile: count.sql, result: Value}
`;

const SQL: Readonly<Record<string, string>> = {
  'stock.sql': "CREATE TABLE stock (sku TEXT, quantity INTEGER);\nINSERT INTO stock VALUES ('a', 7), ('b', 9);\n",
  'count.sql': 'SELECT quantity FROM stock WHERE sku = :sku\n',
};

async function standalone() {
  const up = await createStandalone();
  const [port = 0] = await freePorts(1);
  for (const [name, text] of Object.entries(SQL)) writeFileSync(join(up.files, name), text);
  const write = (file: Partial<RuntimeFile> = {}, name = 'stock.yaml') =>
    writeFileSync(join(up.files, name), runtimeYaml({ port, ...file }));
  return { up, port, write };
}

/** What the context answers, or why it does not. */
type Read = (key: string) => Promise<string>;

async function reader(up: Standalone, port: number): Promise<Read> {
  const minted = await up.run(['token', 'mint', '--aud', 'Stock', '--capability', 'context:read:*']);
  const client = createClient(services.ContextTool, `127.0.0.1:${port}`, { credentials: plaintextClient() });
  onTestFinished(() => client.close());
  return async (context_key) => {
    try {
      const request = { context_key, capability_token: minted.stdout.trim() };
      return (await client.call('RequestContext', request)).serialized_value.toString();
    } catch (error) {
      return (error as Error).message;
    }
  };
}

async function lookUp(up: Standalone): Promise<readonly { server_name: string; address: string }[]> {
  const { stdout } = await up.run(['lookup', 'context:read:company:address', '-o', 'json']);
  return (JSON.parse(stdout) as { endpoints: { server_name: string; address: string }[] }).endpoints;
}

test('a configuration becomes a server that is listed, found and answers; changed files are in force within five seconds', async () => {
  const { up, port, write } = await standalone();
  await using _ = up;
  write();
  await up.start();
  const read = await reader(up, port);
  expect(await up.output()).toMatch(/stock +True +Serving +Stock +1\/1/);
  expect(await up.output()).toContain(`Stock at 127.0.0.1:${port}`);
  expect(await lookUp(up)).toMatchObject([{ server_name: 'Stock' }]);
  expect(await read('company:address')).toBe('Main Street');
  expect(await read('stock:a:count')).toBe('7');

  write({ text: 'Side Street' });
  writeFileSync(join(up.files, 'count.sql'), 'SELECT 2 * quantity FROM stock WHERE sku = :sku\n');
  const startMs = performance.now();
  await eventually(
    () => read('company:address'),
    (answer) => answer === 'Side Street',
  );
  expect(performance.now() - startMs).toBeLessThan(10 * 5_000);
  expect(await read('stock:a:count')).toBe('14');
});

test('a broken configuration is named with line and column and keeps its server; put right, it is in force', async () => {
  const { up, port, write } = await standalone();
  await using _ = up;
  write();
  await up.start();
  const read = await reader(up, port);
  writeFileSync(join(up.files, 'stock.yaml'), runtimeYaml({ port }).replace('static:', 'statics:'));
  await eventually(
    () => up.output(),
    (output) => /stock\.yaml:7:5: contexts\[0\]\.statics: unknown field "statics", did you mean static\?/.test(output),
  );
  expect(await read('company:address')).toBe('Main Street');

  writeFileSync(join(up.files, 'stock.yaml'), `${runtimeYaml({ port })}  oops: [\n`);
  await eventually(
    () => up.output(),
    (output) => /stock\.yaml:1\d:\d+: /.test(output),
  );
  expect(await lookUp(up)).toHaveLength(1);

  write({ name: 'Shop' });
  await eventually(
    () => up.output(),
    (output) => /stock\.yaml:1:16: server\.name: the server runs as "Stock"; restart it for another name/.test(output),
  );
  write({ text: 'Side Street' });
  await eventually(
    () => read('company:address'),
    (answer) => answer === 'Side Street',
  );
  await eventually(
    () => up.output(),
    (output) => output.includes('are fine again'),
  );
});

test('a file that comes brings its server, one that goes takes it away, and a restart finds the same again', async () => {
  const { up, port, write } = await standalone();
  await using _ = up;
  await up.start();
  const read = await reader(up, port);
  expect(await up.output()).toContain('No servers are defined');
  write();
  await eventually(
    () => up.output(),
    (output) => output.includes('stock is ready: Stock'),
  );
  expect(await read('stock:b:count')).toBe('9');
  const uid = async () => JSON.parse((await up.run(['get', 'server', 'stock', '-o', 'json'])).stdout).metadata.uid;
  const before = await uid();
  await up.interrupt();
  await up.start();
  expect(await uid()).toBe(before);
  expect(await lookUp(up)).toHaveLength(1);

  rmSync(join(up.files, 'stock.yaml'));
  await eventually(
    () => up.output(),
    (output) => output.includes('stock is gone'),
  );
  expect(await lookUp(up)).toEqual([]);
  await eventually(
    () => read('company:address'),
    (answer) => answer !== 'Main Street',
  );
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

test('servers without listen have ports of their own in the order of their files', async () => {
  const { up } = await standalone();
  await using _ = up;
  const bare = (name: string) =>
    `server: {name: ${name}, version: "1"}\ncontexts: [{key: company:address, static: {text: ${name}}}]\n`;
  for (const name of ['One', 'Two', 'Three']) writeFileSync(join(up.files, `${name}.yaml`), bare(name));
  await up.start();
  const output = await up.output();
  const ports = [...output.matchAll(/(One|Two|Three) at 127\.0\.0\.1:(\d+)/g)].map(([, name, port]) => ({
    name,
    port: Number(port),
  }));
  const sorted = [...ports].sort((a, b) => a.port - b.port);
  expect(sorted.map(({ name }) => name)).toEqual(['One', 'Three', 'Two']);
  expect(sorted[0]?.port).toBeGreaterThanOrEqual(50_061);
  expect((await lookUp(up)).map(({ server_name }) => server_name).sort()).toEqual(['One', 'Three', 'Two']);
});

test('an Mcp2Server of the same server name counts, and is named', async () => {
  const { up, port, write } = await standalone();
  await using _ = up;
  write();
  const [elsewhere = 0] = await freePorts(1);
  up.writeServer('z.yaml', { name: 'shop', serverName: 'STOCK', port: elsewhere });
  await up.start();
  const read = await reader(up, port);
  expect(await up.output()).toMatch(/stock\.yaml:1: Stock runs, but clients are told of the server STOCK in z\.yaml/);
  expect(await lookUp(up)).toEqual([]);
  expect(await read('company:address')).toBe('Main Street');
  rmSync(join(up.files, 'z.yaml'));
  await eventually(
    () => lookUp(up),
    (endpoints) => endpoints.length === 1,
    // The registration of the other one drains first.
    { timeoutMs: 40_000 },
  );
});

test('a configuration that is broken at the start is named, and its server comes when it is put right', async () => {
  const { up, port, write } = await standalone();
  await using _ = up;
  write({ text: '[a]' });
  await up.start();
  const read = await reader(up, port);
  expect(await up.output()).toMatch(/stock\.yaml:7:\d+: contexts\[0\]\.static\.text: write a string, not a list/);
  write();
  await eventually(
    () => read('company:address'),
    (answer) => answer === 'Main Street',
  );
  await eventually(
    () => lookUp(up),
    (endpoints) => endpoints.length === 1,
  );
});

test('a port that is in use is named, and the server comes when the port is free', async () => {
  const { up, port, write } = await standalone();
  await using _ = up;
  const other = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void other.close());
  write();
  await up.start();
  expect(await up.output()).toMatch(
    /stock\.yaml:1:1: cannot listen on 127\.0\.0\.1:\d+: the port is in use; .*it is tried again/,
  );
  other.close();
  const read = await reader(up, port);
  await eventually(
    () => read('company:address'),
    (answer) => answer === 'Main Street',
    { timeoutMs: 30_000 },
  );
});
