/**
 * What a chart rotates while the operator runs: its key for probe tokens, the control plane's CA and its client
 * certificate. Servers that trust only the new ones become ready, and none that was ready stops being so.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { conditionOf, eventsOf, serviceServer, untilCondition } from '../harness/mcp2-servers.ts';
import { MountedVolume } from '../harness/mounted-volume.ts';
import { serviceObject, sliceObject, startTestServer, type TestServerOptions } from '../harness/operator-fixture.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';

/** Soon looked at again, so that a rotation shows within the test. */
const READINESS = { probe: { intervalSeconds: 5, timeoutSeconds: 2 } };

let plane: ControlPlane;
let namespace: string;
let volume: MountedVolume;
let newer: CertificateAuthority;

beforeAll(async () => {
  plane = await startControlPlane();
  const { fixture } = plane;
  newer = await createCertificateAuthority(join(fixture.folder, 'newer'), 'mcp2-newer-ca');
  const client = await fixture.authority.issue({ commonName: 'mcp2-operator' });
  volume = await MountedVolume.create({
    'key.jwk': readFileSync(fixture.signingKeyFile, 'utf8'),
    'ca.crt': fixture.authority.certificate,
    'tls.crt': client.certificate,
    'tls.key': client.key,
  });
  await plane.startOperator({
    filePollMs: 100,
    env: {
      MCP2_SIGNING_KEY_FILE: volume.path('key.jwk'),
      MCP2_CA_FILE: volume.path('ca.crt'),
      MCP2_CLIENT_CERT_FILE: volume.path('tls.crt'),
      MCP2_CLIENT_KEY_FILE: volume.path('tls.key'),
    },
  });
  namespace = await createNamespace(plane.kube);
});

afterAll(() => plane?.[Symbol.asyncDispose]());

type Changes = Partial<TestServerOptions> & { readonly spec?: object };

/** A server, its Service and its resource. */
async function serve(name: string, address: string, { spec = {}, ...changes }: Changes = {}) {
  const { kube, fixture } = plane;
  const dnsName = `${name}.${namespace}.svc`;
  const server = await startTestServer({ fixture, serverName: name, address, dnsName, ...changes });
  await kube.apply(serviceObject(namespace, name));
  await kube.apply(sliceObject({ namespace, service: name, addresses: [address] }));
  const resource = await kube.apply(serviceServer(namespace, name, { readiness: READINESS, ...spec }));
  return { server, resource };
}

const ready = (resource: KubeObject) => untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });

test('a new signing key is used for the next handshake', async () => {
  const next = await generateSigningKey();
  const jwksFile = join(plane.fixture.folder, 'next-jwks.json');
  writeFileSync(jwksFile, JSON.stringify(next.publicJwks));
  const { server, resource } = await serve('new-key', '192.0.2.10', { jwksFile });
  await using _server = server;
  await untilCondition(plane.kube, resource, { type: 'HandshakeVerified', status: 'False', reason: 'TokenRejected' });
  await volume.swap({ 'key.jwk': 'half of a ke' });
  await volume.swap({ 'key.jwk': JSON.stringify(next.privateJwk) });
  await ready(resource);
  await volume.swap({ 'key.jwk': readFileSync(plane.fixture.signingKeyFile, 'utf8') });
});

test('a CA that is replaced by way of a bundle takes no server away, and brings those of the new one', async () => {
  const { fixture } = plane;
  const older = await serve('older-ca', '192.0.2.11');
  await using _older = older.server;
  const before = await ready(older.resource);
  // The slice of a new server may arrive after its resource: what was said of that is not of the rotation.
  const warnings = async () => (await eventsOf(plane.kube, older.resource)).filter(({ type }) => type === 'Warning');
  const warnedBefore = (await warnings()).length;
  const late = await serve('newer-ca', '192.0.2.12', { authority: newer });
  await using _late = late.server;
  await untilCondition(plane.kube, late.resource, { type: 'HandshakeVerified', status: 'False', reason: 'TLSFailed' });

  await volume.swap({ 'ca.crt': `${newer.certificate}${fixture.authority.certificate}` });
  await ready(late.resource);
  const after = await ready(older.resource);
  const since = (resource: KubeObject) => conditionOf(resource, 'Ready')?.lastTransitionTime;
  expect(since(after)).toBe(since(before));
  expect((await warnings()).slice(warnedBefore)).toEqual([]);
  await volume.swap({ 'ca.crt': fixture.authority.certificate });
});

test('a new client certificate is shown to the next server that wants one', async () => {
  const data = { 'ca.crt': plane.fixture.authority.certificate };
  const bundle: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mesh-ca', namespace }, data };
  await plane.kube.apply(bundle);
  const caBundleRef = { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' };
  const { resource, server } = await serve('mutual', '192.0.2.13', {
    clientCaFile: newer.certificateFile,
    spec: { tls: { mode: 'Mutual', caBundleRef } },
  });
  await using _server = server;
  await untilCondition(plane.kube, resource, { type: 'HandshakeVerified', status: 'False' });
  const { certificate, key } = await newer.issue({ commonName: 'mcp2-operator' });
  await volume.swap({ 'tls.crt': certificate, 'tls.key': key });
  await ready(resource);
});
