/** `mcp2 token mint --from-secret` on a real API server, with the key that the setup job made. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createKeyFileSource } from '#lib/token/key-file.ts';
import { createTokenVerifier } from '#lib/token/verify.ts';
import { KubeClient } from '../harness/kube-client.ts';
import type { KubeEndpoint } from '../harness/kube-endpoint.ts';
import { kubeconfigText } from '../harness/kubeconfig.ts';
import { runMcp2 } from '../harness/mcp2-command.ts';
import { createWorkspace } from '../harness/processes.ts';
import { createSetupRelease, type SetupRelease } from '../harness/setup-release.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

const RIGHTS = ['--aud', 'InventoryDB_Primary', '--capability', 'db:inventory:read'];
const state = createWorkspace('cli-token').folder;

let endpoint: KubeEndpoint;
let client: KubeClient;
let release: SetupRelease;
let secret: string;

beforeAll(async () => {
  endpoint = await sharedKubeApiserver();
  client = new KubeClient(endpoint.admin);
  release = await createSetupRelease(endpoint, client);
  expect((await release.run('prepare')).problem).toBe('');
  secret = `${release.namespace}/mcp2-signing-key`;
});

afterAll(() => client?.[Symbol.asyncDispose]());

const mint = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runMcp2(['token', 'mint', ...RIGHTS, ...args], { state, env });

test('the token is signed with the key in the Secret, names its issuer, and passes with the published keys', async () => {
  const { code, stdout, stderr } = await mint(['--from-secret', secret, '--kubeconfig', endpoint.adminKubeconfig]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await expectAccepted(stdout);
});

test('KUBECONFIG and ~/.kube/config are found as kubectl finds them', async () => {
  const missing = join(state, 'missing');
  const listed = await mint(['--from-secret', secret], { KUBECONFIG: `${missing}:${endpoint.adminKubeconfig}` });
  expect(listed.stderr).toBe('');
  await expectAccepted(listed.stdout);
  const home = createWorkspace('home').folder;
  mkdirSync(join(home, '.kube'));
  writeFileSync(join(home, '.kube', 'config'), kubeconfigText(endpoint.admin));
  const usual = await mint(['--from-secret', secret], { HOME: home });
  expect(usual.stderr).toBe('');
  await expectAccepted(usual.stdout);
});

test('of two files the first names the current context, and --context chooses one of the second', async () => {
  const nobody = await endpoint.kubeconfigFor({ user: 'nobody' });
  const other = join(state, 'other.kubeconfig');
  writeFileSync(other, kubeconfigText(endpoint.admin).replaceAll('"test"', '"second"'));
  const env = { KUBECONFIG: `${nobody}:${other}` };
  expect((await mint(['--from-secret', secret], env)).stderr).toContain('you may not read Secret');
  const { stdout, stderr } = await mint(['--from-secret', secret, '--context', 'second'], env);
  expect(stderr).toBe('');
  await expectAccepted(stdout);
});

test('who may not read the Secret is told which right is missing', async () => {
  const kubeconfig = await endpoint.kubeconfigFor({ user: 'nobody' });
  const { code, stdout, stderr } = await mint(['--from-secret', secret, '--kubeconfig', kubeconfig]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`you may not read Secret ${secret}`);
  expect(stderr).toContain(
    `kubectl create role mcp2-mint -n ${release.namespace} --verb=get --resource=secrets --resource-name=mcp2-signing-key`,
  );
});

test('a Secret that does not exist, or holds no key, is a sentence', async () => {
  const admin = ['--kubeconfig', endpoint.adminKubeconfig];
  const absent = await mint(['--from-secret', `${release.namespace}/absent`, ...admin]);
  expect(absent.stderr).toContain(`there is no Secret ${release.namespace}/absent`);
  const other = await mint(['--from-secret', `${release.namespace}/mcp2-registry-tls`, ...admin]);
  expect(other.stderr).toContain('holds no signing key: key.jwk and issuer are expected');
});

test('a Secret with garbage is never shown', async () => {
  const metadata = { name: 'garbage', namespace: release.namespace };
  const stringData = { 'key.jwk': '{"d":"hunter2", oops', issuer: 'mcp2:x' };
  await client.create({ apiVersion: 'v1', kind: 'Secret', metadata, stringData } as never);
  const from = ['--from-secret', `${release.namespace}/garbage`, '--kubeconfig', endpoint.adminKubeconfig];
  const { code, stderr } = await mint(from, { MCP2_DEBUG: '1' });
  expect(code).toBe(1);
  expect(stderr).toContain('it is no JSON');
  expect(stderr).not.toContain('hunter2');
});

test('credentials that are not accepted, and a server that is away, are told apart', async () => {
  const wrong = join(state, 'wrong.kubeconfig');
  writeFileSync(wrong, kubeconfigText({ ...endpoint.admin, credentials: { token: 'wrong' } }));
  expect((await mint(['--from-secret', secret, '--kubeconfig', wrong])).stderr).toContain('log in again');
  const away = join(state, 'away.kubeconfig');
  writeFileSync(away, kubeconfigText({ ...endpoint.admin, url: 'https://127.0.0.1:1' }));
  expect((await mint(['--from-secret', secret, '--kubeconfig', away])).stderr).toContain(
    'the API server at https://127.0.0.1:1 does not answer',
  );
});

test.each<[string, readonly string[], number, string]>([
  ['no kubeconfig', ['--from-secret', 'a/b'], 1, 'there is no kubeconfig: name one with --kubeconfig'],
  ['a kubeconfig that does not exist', ['--from-secret', 'a/b', '--kubeconfig', '/missing'], 1, '/missing'],
  ['a name without a namespace', ['--from-secret', 'mcp2-signing-key'], 2, '--from-secret is NAMESPACE/NAME'],
  ['a name with too many parts', ['--from-secret', 'a/b/c'], 2, '--from-secret is NAMESPACE/NAME'],
  ['two keys', ['--from-secret', 'a/b', '--key', 'k'], 2, 'key and issuer are in the Secret'],
  ['two issuers', ['--from-secret', 'a/b', '--issuer', 'i'], 2, 'key and issuer are in the Secret'],
  ['a context for nothing', ['--context', 'c'], 2, 'name the Secret too'],
])('%s: a sentence', async (_title, args, exitCode, sentence) => {
  const { code, stdout, stderr } = await mint(args);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toContain(sentence);
});

test('a file that is no kubeconfig is not shown', async () => {
  const file = join(state, 'broken.kubeconfig');
  writeFileSync(file, 'users: [{name: a, user: {token: hunter2}\n  : oops');
  const { code, stderr } = await mint(['--from-secret', secret, '--kubeconfig', file], { MCP2_DEBUG: '1' });
  expect(code).toBe(1);
  expect(stderr).toContain(`${file} is no kubeconfig file`);
  expect(stderr).not.toContain('hunter2');
});

test('a context that does not exist is a sentence', async () => {
  const { code, stderr } = await mint([
    '--from-secret',
    secret,
    '--kubeconfig',
    endpoint.adminKubeconfig,
    '--context',
    'x',
  ]);
  expect(code).toBe(1);
  expect(stderr).toContain('context "x" names no cluster');
});

async function expectAccepted(stdout: string): Promise<void> {
  const trust = await release.configMap('mcp2-trust');
  const path = join(createWorkspace('trust').folder, 'jwks.json');
  writeFileSync(path, trust['jwks.json'] ?? '');
  const keys = createKeyFileSource({ path, clock: systemClock });
  const verifier = createTokenVerifier({ issuers: [{ iss: trust.issuer ?? '', keys }], clock: systemClock });
  expect(await verifier.verify(stdout.trim())).toMatchObject({ aud: ['InventoryDB_Primary'] });
}
