import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { createStandalone, type Ended, type Standalone, serverYaml } from '../harness/mcp2-command.ts';

/** More than one page of 100, and more than 16 audiences of one token. */
const SERVERS = 120;
let up: Standalone;

beforeAll(async () => {
  up = await createStandalone();
  const names = Array.from({ length: SERVERS }, (_, i) => `Load_${String(i).padStart(3, '0')}`);
  const documents = names.map((serverName, i) =>
    serverYaml({ name: `load-${i}`, serverName, port: up.serverPort })
      .replace('  readiness:', '  capabilityMode: Declared\n  readiness:\n    gates: [Endpoints]')
      .replace('region: local', `region: ${i < 3 ? 'near' : 'far'}`),
  );
  writeFileSync(join(up.files, 'load.yaml'), documents.join('---\n'));
  await up.start();
});
afterAll(() => up[Symbol.asyncDispose]());

const lookup = (...args: readonly string[]) => up.run(['lookup', ...args]);

function namesOf({ stdout }: Ended): readonly string[] {
  return (JSON.parse(stdout) as { endpoints: { server_name: string }[] }).endpoints.map((one) => one.server_name);
}

test('all servers are found, each once, however many tokens and pages that takes', async () => {
  const byNames = namesOf(await lookup('db:inventory:read', '-o', 'json'));
  expect(new Set(byNames).size).toBe(SERVERS);
  expect(byNames).toHaveLength(SERVERS);
  const byPrefix = namesOf(await lookup('db:inventory:read', '--audience', 'Load_*', '-o', 'json'));
  expect([...byPrefix].sort()).toEqual([...byNames].sort());
  expect(byPrefix).toHaveLength(SERVERS);
});

test('the table has a line an endpoint, and says when there are more', async () => {
  const { code, stdout, stderr } = await lookup('tool:*', '--limit', '5');
  expect(code).toBe(0);
  const [title, ...lines] = stdout.trimEnd().split('\n');
  expect(title).toMatch(/^NAME +ENDPOINT +TRANSPORT +HEALTH +ZONE +CAPABILITIES$/);
  expect(lines).toHaveLength(5);
  expect(stderr).toBe('There are more than 5; --limit shows more.\n');
});

test.each<[string, readonly string[], number]>([
  ['a tag', ['db:inventory:read', '--tag', 'region=near'], 3],
  ['a server name', ['db:inventory:read', '--server-name', 'load_007'], 1],
  ['several names', ['db:inventory:read', '--audience', 'Load_001,Load_002'], 2],
  ['filters of which one is enough', ['db:inventory:read', 'db:payroll:read', '--tag', 'region=near'], 3],
  ['filters of which all are needed', ['db:inventory:read', 'db:payroll:read', '--all'], 0],
  ['all of them satisfied', ['db:inventory:read', 'tool:compute_pricing', '--all', '--tag', 'region=near'], 3],
  ['somebody who may not see them', ['db:inventory:read', '--as', 'other.agent'], 0],
])('%s narrows the answer', async (_title, args, count) => {
  expect(namesOf(await lookup(...args, '-o', 'json'))).toHaveLength(count);
});

test('an empty answer says why that may be', async () => {
  const { code, stdout, stderr } = await lookup('db:payroll:read');
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toContain('Nothing that you may see offers db:payroll:read');
});

test('JSON and YAML hold the same, with words for enums', async () => {
  const args = ['db:inventory:read', '--server-name', 'Load_000'];
  const json = JSON.parse((await lookup(...args, '-o', 'json')).stdout);
  expect(json).toMatchObject({
    stale: false,
    not_serving: [],
    endpoints: [{ transport: 'PLAINTEXT', health: 'SERVING', tags: { region: 'near' } }],
  });
  expect(parse((await lookup(...args, '-o', 'yaml')).stdout)).toEqual(json);
});

test('a token can be given in three ways, and is then used as it is', async () => {
  const mint = ['token', 'mint', '--sub', 'default.agent', '--aud', 'Load_001', '--capability', 'db:inventory:read'];
  const token = (await up.run(mint)).stdout.trim();
  const tokenFile = join(up.state, 'token');
  writeFileSync(tokenFile, `${token}\n`);
  const args = ['lookup', 'db:inventory:read', '-o', 'json'];
  for (const ended of [
    await up.run([...args, '--token', token]),
    await up.run([...args, '--token-file', tokenFile]),
    await up.run(args, { env: { MCP2_TOKEN: token } }),
  ]) {
    expect(namesOf(ended)).toEqual(['Load_001']);
  }
  const denied = await up.run(['lookup', 'tool:compute_pricing', '--token', token]);
  expect(denied.code).toBe(1);
  expect(denied.stderr).toContain('(CAPABILITY_DENIED)');
});

test.each<[string, readonly string[], number, RegExp]>([
  ['a filter that is none', ['db:inv*'], 1, /"db:inv\*".*FILTER_INVALID/],
  ['a tag without value', ['db:a:read', '--tag', 'region'], 2, /key=value/],
  ['a token and a subject for another one', ['db:a:read', '--token', 'x', '--as', 'y'], 2, /--as/],
  ['a token twice', ['db:a:read', '--token', 'x', '--token-file', 'y'], 2, /not both/],
  ['garbage as token', ['db:a:read', '--token', 'x'], 1, /TOKEN_MALFORMED/],
  ['a token file that is not there', ['db:a:read', '--token-file', '/nowhere'], 1, /\/nowhere cannot be read/],
  ['an audience that could be everybody', ['db:a:read', '--audience', '*'], 1, /audience/],
  ['another machine in the clear', ['db:a:read', '--address', 'registry.example:50050'], 2, /--ca FILE/],
  ['an address without a port', ['db:a:read', '--address', 'localhost'], 2, /host:port/],
  ['a CA that is not there', ['db:a:read', '--address', '127.0.0.1:1', '--ca', '/nowhere'], 1, /the CA file \/nowhere/],
  [
    'an address where nothing is',
    ['db:a:read', '--address', '127.0.0.1:1'],
    1,
    /no registry answers at 127\.0\.0\.1:1/,
  ],
])('%s is refused with a sentence', async (_title, args, exitCode, sentence) => {
  const { code, stdout, stderr } = await lookup(...args);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toContain('    at ');
});

test.each(['registry.example:50050', '203.0.113.9:50050', 'localhost.evil:50050', 'unix:50050'])(
  'an address in the state folder that "mcp2 up" cannot have written gets no token: %s',
  async (registry) => {
    const state = mkdtempSync(join(tmpdir(), 'mcp2-planted-'));
    onTestFinished(() => rmSync(state, { recursive: true }));
    const connection = { registry, files: '/', pid: process.pid, startedAt: '2026-01-01T00:00:00Z' };
    writeFileSync(join(state, 'connection.json'), JSON.stringify(connection));
    const { code, stderr } = await up.run(['lookup', 'db:a:read', '--token', 'x'], { state });
    expect(code).toBe(1);
    expect(stderr).toMatch(/no registry runs here/);
  },
);

test('a state folder that others can write to is not used', async () => {
  const state = mkdtempSync(join(tmpdir(), 'mcp2-shared-'));
  onTestFinished(() => rmSync(state, { recursive: true }));
  chmodSync(state, 0o777);
  for (const args of [
    ['up', '--files', up.files],
    ['lookup', 'db:a:read'],
    ['token', 'mint', '--aud', 'Db'],
    ['get', 'servers'],
  ]) {
    const { code, stderr } = await up.run(args, { state });
    expect(code).toBe(1);
    expect(stderr).toMatch(/others can write into.*chmod go-w/);
  }
  expect(readdirSync(state)).toEqual([]);
});

test('get lists them all, or one, for people and for programs', async () => {
  const table = await up.run(['get', 'servers', '--wide']);
  expect(table.stdout.trimEnd().split('\n')).toHaveLength(SERVERS + 1);
  expect(table.stdout).toMatch(/^NAME +READY .* +VERSION\nload-0 +True +Serving +Load_000 +1\/1 /);
  const list = JSON.parse((await up.run(['get', 'm2s', '-o', 'json'])).stdout);
  expect(list).toMatchObject({ kind: 'Mcp2ServerList' });
  expect(list.items).toHaveLength(SERVERS);
  const one = parse((await up.run(['get', 'server', 'default/load-7', '-o', 'yaml'])).stdout);
  expect(one).toMatchObject({
    kind: 'Mcp2Server',
    metadata: { name: 'load-7', annotations: { 'mcp2.dev/file': 'load.yaml' } },
    spec: { serverName: 'Load_007', tls: { mode: 'Disabled' } },
  });
  expect((await up.run(['get', 'servers', 'nobody'])).code).toBe(1);
  expect((await up.run(['get', 'pods'])).code).toBe(2);
});
