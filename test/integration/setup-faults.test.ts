/** `setup prepare` that is cut short, loses replies or meets a busy API server: run again, it is as if nothing had been. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKeySet } from '#lib/token/key-set.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { KubeClient } from '../harness/kube-client.ts';
import { createSetupRelease, type SetupRelease } from '../harness/setup-release.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

/** Ten Secrets and two ConfigMaps. */
const WRITES = 12;

let proxy: FaultProxy;
let client: KubeClient;

beforeAll(async () => {
  const endpoint = await sharedKubeApiserver();
  client = new KubeClient(endpoint.admin);
  proxy = await startFaultProxy({ target: endpoint });
});

afterAll(async () => {
  await client?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
});

/** Before and after each of the first four, which are authority, signing key, public keys and trust; and later ones. */
test.each([0, 1, 2, 3, 4, 8, 11])(
  'a run that ended after write %i is finished by the next, and what was there stays',
  async (done) => {
    const release = await createSetupRelease(proxy, client);
    const match = { verb: 'patch', namespace: release.namespace } as const;
    const passing = { match, fault: { kind: 'delay', delayMs: 0 }, times: done } as const;
    if (done > 0) proxy.inject(passing);
    const broken = proxy.inject({ match, fault: { kind: 'status', code: 403 } });
    expect((await release.run('prepare')).isDone).toBe(false);
    expect(broken.hits).toBe(1);
    proxy.clear();
    const before = await release.versions();
    expect(Object.keys(before)).toHaveLength(done);
    expect((await release.run('prepare')).problem).toBe('');
    const after = await release.versions();
    expect(Object.keys(after)).toHaveLength(WRITES);
    expect(after).toMatchObject(before);
    await expectWhole(release);
  },
);

test('a write whose reply was lost is neither repeated with other content nor taken for somebody else’s', async () => {
  const release = await createSetupRelease(proxy, client);
  const match = { verb: 'patch', namespace: release.namespace } as const;
  const lost = proxy.inject({ match, fault: { kind: 'lose-reply' }, every: 2 });
  expect((await release.run('prepare')).problem).toBe('');
  expect(lost.hits).toBeGreaterThanOrEqual(WRITES);
  await expectWhole(release);
  const settled = await release.versions();
  const forced = { MCP2_SETUP_FORCE_ROTATE: 'true' };
  expect((await release.run('rotate', { env: forced })).problem).toBe('');
  proxy.clear();
  await expectWhole(release);
  const after = await release.versions();
  const kept = Object.keys(after).filter((name) => after[name] === settled[name]);
  expect(kept.sort()).toEqual(['mcp2-ca', 'mcp2-etcd-ca', 'mcp2-jwks', 'mcp2-signing-key', 'mcp2-trust']);
});

test('an API server that asks for patience gets it', async () => {
  const release = await createSetupRelease(proxy, client);
  const match = { namespace: release.namespace };
  proxy.inject({ match, fault: { kind: 'status', code: 429, retryAfterSeconds: 1 }, times: 2 });
  proxy.inject({ match, fault: { kind: 'cut' }, times: 1 });
  expect((await release.run('prepare')).problem).toBe('');
  proxy.clear();
  await expectWhole(release);
});

test('an API server that is away is a reason, in time', async () => {
  const release = await createSetupRelease(proxy, client);
  const hanging = proxy.inject({ match: { namespace: release.namespace }, fault: { kind: 'hang' } });
  const { isDone, problem } = await release.run('prepare', { env: { MCP2_SETUP_TIMEOUT: '1s' } });
  hanging.clear();
  expect(isDone).toBe(false);
  expect(problem).toContain('prepare was not done within 1 s');
});

/** One signing key, which verifiers know, and certificates that fit their keys, names and authorities. */
async function expectWhole(release: SetupRelease): Promise<void> {
  const { kid } = JSON.parse((await release.secret('mcp2-signing-key'))['key.jwk'] ?? '');
  for (const map of ['mcp2-jwks', 'mcp2-trust']) {
    const { keys } = await parseKeySet((await release.configMap(map))['jwks.json'] ?? '');
    expect([...keys.keys()]).toEqual([kid]);
  }
  const authorities = { grpc: await release.secret('mcp2-ca'), etcd: await release.secret('mcp2-etcd-ca') };
  expect((await release.configMap('mcp2-trust'))['ca.crt']).toBe(authorities.grpc['ca.crt']);
  const names = Object.keys(await release.versions()).filter((name) => name.endsWith('-tls'));
  for (const name of names) {
    const secret = await release.secret(name);
    const authority = name.includes('etcd') ? authorities.etcd : authorities.grpc;
    expect([name, secret['ca.crt']]).toEqual([name, authority['ca.crt']]);
    const issuer = new X509Certificate(authority['ca.crt'] ?? '');
    expect([name, new X509Certificate(secret['tls.crt'] ?? '').verify(issuer.publicKey)]).toEqual([name, true]);
  }
}
