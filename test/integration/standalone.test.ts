import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, INVENTORY, runMcp2, type Standalone, serverYaml } from '../harness/mcp2-command.ts';
import { startStockServer } from '../harness/stock-server.ts';

const SERVER = { name: 'inventory-db', serverName: 'InventoryDB_Primary' };

/** Names that a lookup answers, or what it said instead. */
async function lookUp(up: Standalone, ...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await up.run(['lookup', 'db:inventory:read', '-o', 'json', ...args]);
  if (code !== 0) return stderr;
  return (JSON.parse(stdout) as { endpoints: { server_name: string }[] }).endpoints.map((one) => one.server_name);
}

/** A server of one's own, with the keys of one that runs, and the file that names it. */
async function serveOwn(up: Standalone): Promise<AsyncDisposable> {
  const { serverName } = SERVER;
  const jwksFile = join(up.state, 'jwks.json');
  const server = await startStockServer({ serverName, issuer: 'mcp2:local', jwksFile, port: up.serverPort });
  up.writeServer('own.yaml', SERVER);
  await eventually(
    () => lookUp(up),
    (names) => JSON.stringify(names) === JSON.stringify([serverName]),
  );
  return server;
}

test('it starts, answers a lookup, ends on one Ctrl-C within two seconds, and finds its state again', async () => {
  await using up = await createStandalone();
  up.writeInventory();
  await up.start();
  const first = await up.output();
  expect(first).toMatch(/inventorydb-primary +True +Serving +InventoryDB_Primary +1\/1/);
  expect(first).toContain(`npx mcp2 lookup db:inventory:read --state ${up.state}`);
  const { code, stdout } = await up.run(['lookup', 'db:inventory:read']);
  expect(code).toBe(0);
  expect(stdout.split('\n')[1]).toMatch(
    new RegExp(
      `^InventoryDB_Primary +127\\.0\\.0\\.1:${up.serverPort} +PLAINTEXT +SERVING +<none> +context:read:inventory:[^ ]*,db:inventory:read,`,
    ),
  );
  expect(statSync(up.state).mode & 0o777).toBe(0o700);
  expect(statSync(join(up.state, 'key.jwk')).mode & 0o777).toBe(0o600);

  const askedMs = performance.now();
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
  expect(performance.now() - askedMs).toBeLessThan(2_500);
  expect(await up.output()).toContain('Stopped.');
  expect(existsSync(join(up.state, 'connection.json'))).toBe(false);
  expect(await lookUp(up)).toContain('no registry runs here');

  const uid = async () =>
    JSON.parse((await up.run(['get', 'server', 'inventorydb-primary', '-o', 'json'])).stdout).metadata.uid;
  const before = await uid();
  await up.start();
  expect(await lookUp(up)).toEqual(['InventoryDB_Primary']);
  expect(await uid()).toBe(before);
  expect(await up.output()).toContain('development key');
  expect((await up.output()).match(/Made a development key/g)).toHaveLength(1);
});

test('without files of its own it runs the inventory: three servers, ready soon, and lines to try', async () => {
  await using up = await createStandalone({ args: ['--files', INVENTORY] });
  const startMs = performance.now();
  await up.start();
  // 5 s on two idle cores; the bench has the figure.
  expect(performance.now() - startMs).toBeLessThan(10 * 5_000);
  const output = await up.output();
  for (const server of ['inventorydb-primary', 'inventorydb-replica1', 'pricingrules'])
    expect(output).toMatch(new RegExp(`^${server} +True +Serving +\\w+ +1/1`, 'm'));
  const ports = ['InventoryDB_Primary', 'PricingRules', 'InventoryDB_Replica1'].map((name) =>
    Number(new RegExp(`${name} at 127\\.0\\.0\\.1:(\\d+)`).exec(output)?.[1]),
  );
  expect([...ports].sort((a, b) => a - b)).toEqual(ports);
  expect(output).not.toContain('Waiting for the store');
  expect(output).toMatch(/npx mcp2 call reserve_stock .* --idempotency-key /);
  const log = readFileSync(join(up.state, 'mcp2.log'), 'utf8');
  expect(log).not.toContain('call denied');
});

test('a changed file takes effect, a broken one is told with its line and keeps its last good state', async () => {
  await using up = await createStandalone();
  await up.start();
  await using _ = await serveOwn(up);
  writeFileSync(join(up.files, 'own.yaml'), `${serverYaml({ ...SERVER, port: up.serverPort })}  oops: [\n`);
  await eventually(
    () => up.output(),
    (output) => /own\.yaml:1\d: /.test(output),
  );
  expect(await lookUp(up)).toEqual(['InventoryDB_Primary']);

  // Also over a restart: nothing good was read from the file since.
  await up.interrupt();
  await up.start();
  expect(await lookUp(up)).toEqual(['InventoryDB_Primary']);

  up.writeServer('own.yaml', SERVER);
  await eventually(
    () => up.output(),
    (output) => output.includes('are fine again'),
  );
  rmSync(join(up.files, 'own.yaml'));
  await eventually(
    () => lookUp(up),
    (names) => JSON.stringify(names) === '[]',
  );
  await eventually(
    () => up.output(),
    (output) => output.includes('inventory-db is gone'),
  );
});

test('a first start with broken files alone runs and says so', async () => {
  await using up = await createStandalone();
  writeFileSync(join(up.files, 'a.yaml'), 'kind: Mcp2Server\napiVersion: mcp2.dev/v1alpha1\n');
  writeFileSync(join(up.files, 'large.yaml'), '#'.repeat(2 * 1024 * 1024));
  await up.start();
  const output = await up.output();
  expect(output).toMatch(/a\.yaml:\d+: .*metadata/);
  expect(output).toMatch(/large\.yaml:1: is larger than 1 MiB; split it/);
  expect(output).toContain('No servers are defined');
  expect(output).toContain('npx mcp2 get servers');
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

test('a server that does not answer is listed with the reason, and leaves the answers of lookup', async () => {
  await using up = await createStandalone();
  up.writeServer('inventory.yaml', SERVER);
  await up.start();
  expect(await up.output()).toMatch(/inventory-db +False +Unreachable +InventoryDB_Primary +0\/1/);
  const { code, stdout, stderr } = await up.run(['lookup', 'db:inventory:read']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toContain('not serving: InventoryDB_Primary');
  expect(await lookUp(up, '--include-unhealthy')).toEqual(['InventoryDB_Primary']);
  const get = await up.run(['get', 'm2s']);
  expect(get.stdout).toMatch(/^NAME +READY +REASON +SERVER +ENDPOINTS +AGE\n/);
  expect(get.stderr).toMatch(/inventory-db: .*127\.0\.0\.1/);
});

test('a declared capability that the server does not offer is told, though the server stays ready', async () => {
  await using up = await createStandalone();
  await up.start();
  await using _ = await serveOwn(up);
  const yaml = readFileSync(join(up.files, 'own.yaml'), 'utf8');
  writeFileSync(join(up.files, 'own.yaml'), yaml.replace('db:inventory:read', 'db:inventory:write'));
  await eventually(
    () => up.output(),
    (output) => /inventory-db is ready: .*But: .*The server does not offer db:inventory:write\. Add it/.test(output),
  );
  const get = await up.run(['get', 'servers']);
  expect(get.stdout).toMatch(/inventory-db +True +Serving/);
  expect(get.stderr).toMatch(/^inventory-db: .*The server does not offer db:inventory:write/);
});

test('a crash leaves nothing behind that keeps the next start from working', async () => {
  await using up = await createStandalone();
  up.writeInventory();
  await up.start();
  await up.kill();
  expect(await lookUp(up)).toMatch(/no registry answers at 127\.0\.0\.1:\d+, where "mcp2 up" ran last: start it again/);
  expect((await up.run(['get', 'servers'])).stderr).toContain('does not run: this is what it knew');
  await up.start();
  expect(await lookUp(up)).toEqual(['InventoryDB_Primary']);
});

test('a second one with the same state folder says who has it, and does not disturb the first', async () => {
  await using up = await createStandalone();
  up.writeInventory();
  await up.start();
  const second = await up.run(['up', '--files', up.files, '--port', '0']);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(
    new RegExp(`already runs .*${up.state}.* registry at 127\\.0\\.0\\.1:${up.port}.*--state`),
  );
  expect(await lookUp(up)).toEqual(['InventoryDB_Primary']);
});

test('a taken port ends with a sentence when it was named', async () => {
  await using up = await createStandalone();
  const server = createServer().listen(up.port, '127.0.0.1');
  const { code, stderr } = await up.run(['up', '--files', up.files, '--port', String(up.port)]);
  server.close();
  expect(code).toBe(1);
  expect(stderr).toBe(
    `error: port ${up.port} is in use: stop the process that has it, or choose another port with --port\n`,
  );
});

test.each<[string, (up: Standalone) => void, RegExp]>([
  ['a file where the state folder should be', (up) => writeFileSync(up.state, ''), /state folder .* cannot be used/],
  [
    'a folder with a foreign database',
    (up) => {
      mkdirSync(join(up.state, 'store'), { recursive: true });
      writeFileSync(join(up.state, 'store', 'data.mdb'), 'not ours');
    },
    /do not belong to an mcp2 store .*name another folder/,
  ],
  [
    'a store that LMDB made',
    (up) => {
      mkdirSync(join(up.state, 'store'), { recursive: true });
      writeFileSync(join(up.state, 'store', 'mcp2-store.json'), '{"format":1,"databaseBytes":32768}');
      writeFileSync(join(up.state, 'store', 'data.mdb'), Buffer.alloc(32_768));
    },
    /store of an earlier mcp2 \(data\.mdb, made by LMDB\).*remove the folder .*--state DIR/,
  ],
  [
    'a database that is damaged',
    (up) => {
      mkdirSync(join(up.state, 'store'), { recursive: true });
      writeFileSync(join(up.state, 'store', 'mcp2-store.json'), '{"format":2,"revision":7}');
      writeFileSync(join(up.state, 'store', 'store.sqlite'), Buffer.alloc(32_768, 'garbage'));
    },
    /store\.sqlite is damaged or cut short \(.+\): put a backup of .*--state DIR/,
  ],
  [
    'a key that is garbage',
    (up) => {
      mkdirSync(up.state);
      writeFileSync(join(up.state, 'key.jwk'), 'garbage');
      writeFileSync(join(up.state, 'jwks.json'), '{"keys":[]}');
    },
    /signing key .* cannot be used: it is no JSON/,
  ],
  [
    'a status of the servers that is garbage',
    (up) => {
      mkdirSync(up.state);
      writeFileSync(join(up.state, 'servers.json'), 'garbage');
    },
    /servers\.json is not JSON; delete it/,
  ],
  [
    'a folder of files that does not exist',
    (up) => rmSync(up.files, { recursive: true }),
    /does not exist: name a folder/,
  ],
])('%s ends with one sentence', async (_title, prepare, sentence) => {
  await using up = await createStandalone();
  prepare(up);
  const { code, stdout, stderr } = await up.run(['up', '--files', up.files, '--port', '0']);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('Made a development key'));
  expect(lines).toEqual([expect.stringMatching(sentence)]);
});

test('two at once, each with its own state and key: the tokens of one are worth nothing at the other', async () => {
  await using one = await createStandalone();
  await using other = await createStandalone();
  for (const up of [one, other]) up.writeInventory();
  await Promise.all([one.start(), other.start()]);
  expect(await lookUp(one)).toEqual(['InventoryDB_Primary']);
  expect(await lookUp(one, '--address', `127.0.0.1:${other.port}`)).toContain('TOKEN_UNTRUSTED');
});

test('with --etcd the registrations live in a real etcd, and wait for one that is away', async () => {
  await using etcd = await startEtcd();
  await using up = await createStandalone({ args: ['--etcd', etcd.url] });
  up.writeInventory();
  await etcd.stop();
  const starting = up.start();
  await eventually(
    () => up.output(),
    (output) => output.includes(`Waiting for the store at ${etcd.url}`),
  );
  await etcd.restart();
  await starting;
  expect(await lookUp(up)).toEqual(['InventoryDB_Primary']);
  const store = connectEtcdStore({ endpoints: etcd.urls, clock: systemClock, random: Math.random });
  const { entries } = await store.list('/mcp2/v1/servers/');
  await store.close();
  expect(entries.map(({ key }) => key)).toEqual(['/mcp2/v1/servers/inventorydb_primary']);
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

test('Ctrl-C ends it within two seconds also while its etcd is away', async () => {
  await using etcd = await startEtcd();
  await using up = await createStandalone({ args: ['--etcd', etcd.url] });
  up.writeInventory();
  await up.start();
  etcd.pause();
  const askedMs = performance.now();
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
  expect(performance.now() - askedMs).toBeLessThan(2_500);
  etcd.resume();
});

test('the log keeps what happened, without tokens or keys', async () => {
  await using up = await createStandalone();
  up.writeInventory();
  await up.start();
  await lookUp(up);
  await up.interrupt();
  const { stdout } = await runMcp2(['token', 'mint', '--aud', 'A', '--capability', 'db:a:read'], { state: up.state });
  expect(stdout).toMatch(/^ey/);
  const log = readFileSync(join(up.state, 'mcp2.log'), 'utf8');
  expect(log).toContain('"service":"registry"');
  expect(log).not.toMatch(/eyJ|"d":/);
});
