/** What the handshake finds out about real servers, and what follows from it for the status and for Discovery. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { conditionOf, readRecord, serviceServer, untilCondition, untilRecord } from '../harness/mcp2-servers.ts';
import { cardText, startOddServer } from '../harness/odd-server.ts';
import {
  ISSUER,
  serviceObject,
  sliceObject,
  startTestServer,
  type TestServerOptions,
} from '../harness/operator-fixture.ts';
import { startRegistry, type TestRegistry } from '../harness/registry-fixture.ts';

/** Verdicts turn in seconds instead of minutes. */
const QUICK = { probe: { intervalSeconds: 1, timeoutSeconds: 1, failureThreshold: 3 } };

let plane: ControlPlane;
let registry: TestRegistry;
let namespace: string;
let lastAddress = 0;

beforeAll(async () => {
  plane = await startControlPlane();
  const { fixture, store } = plane;
  const own = await fixture.authority.issue({ commonName: 'operator' });
  const certificate = {
    MCP2_CLIENT_CERT_FILE: own.certificateFile,
    MCP2_CLIENT_KEY_FILE: own.keyFile,
  };
  await plane.startOperator({ env: certificate });
  const tokens = { ...fixture, mint: () => Promise.reject(new Error('unused')) };
  registry = await startRegistry({ store, tokens, env: { MCP2_ISSUER: ISSUER } });
  namespace = await createNamespace(plane.kube);
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await plane?.[Symbol.asyncDispose]();
});

test.each<[string, Partial<TestServerOptions>, string, RegExp]>([
  ['has a certificate for another name', { dnsName: 'elsewhere.svc' }, 'TLSFailed', /not for "odd-name\./],
  ['speaks plaintext where TLS is expected', { tls: false }, 'TLSFailed', /does not speak TLS/],
  ['calls itself otherwise', { serverName: 'SomebodyElse' }, 'TokenRejected', /takes itself for another server/],
])('a server that %s is not served', async (_title, options, reason, message) => {
  const name = `odd-name-${Object.keys(options)[0]?.toLowerCase()}`;
  await using server = await startServer({ name, ...options });
  const resource = await applyServer(name, server.address);
  const failed = await untilCondition(plane.kube, resource, { type: 'HandshakeVerified', status: 'False', reason });
  expect(conditionOf(failed, 'HandshakeVerified')?.message).toMatch(
    new RegExp(message.source.replace('odd-name', name)),
  );
  expect(conditionOf(failed, 'Ready')).toMatchObject({ status: 'False', reason });
  expect(await healthOf(name)).toEqual(['NOT_SERVING']);
});

test('a server that trusts other keys rejects our token', async () => {
  const { publicJwks } = await generateSigningKey();
  const jwksFile = join(plane.fixture.folder, 'other-jwks.json');
  writeFileSync(jwksFile, JSON.stringify(publicJwks));
  await using server = await startServer({ name: 'other-keys', jwksFile });
  const resource = await applyServer('other-keys', server.address);
  const awaited = { type: 'HandshakeVerified', status: 'False', reason: 'TokenRejected' } as const;
  const failed = await untilCondition(plane.kube, resource, awaited);
  expect(conditionOf(failed, 'HandshakeVerified')?.message).toContain('mcp2-jwks');
});

test('a server behind TLS that is called without it is unreachable, not trusted', async () => {
  await using server = await startServer({ name: 'no-tls' });
  const resource = await applyServer('no-tls', server.address, { tls: { mode: 'Disabled' } });
  await untilCondition(plane.kube, resource, { type: 'HandshakeVerified', status: 'False', reason: 'Unreachable' });
});

test('a server that is open to anyone is kept out', async () => {
  const name = 'open-to-anyone';
  const card = cardText(name, ['db:inventory:read']);
  const options = { fixture: plane.fixture, address: nextAddress(), dnsName: dnsName(name), card };
  await using server = await startOddServer(options);
  const resource = await applyServer(name, server.address);
  const awaited = { type: 'HandshakeVerified', status: 'False', reason: 'OpenToAnyone' } as const;
  await untilCondition(plane.kube, resource, awaited);
  expect(await healthOf(name)).toEqual(['NOT_SERVING']);
});

test('a server of the reference proto has no GetCard; without that gate it serves', async () => {
  const name = 'reference';
  const options = { fixture: plane.fixture, address: nextAddress(), dnsName: dnsName(name), card: undefined };
  await using server = await startOddServer(options);
  const resource = await applyServer(name, server.address);
  const awaited = { type: 'HandshakeVerified', status: 'False', reason: 'WrongProtocol' } as const;
  const failed = await untilCondition(plane.kube, resource, awaited);
  expect(conditionOf(failed, 'HandshakeVerified')?.message).toContain('remove Handshake from spec.readiness.gates');

  await plane.kube.patch(resource, { spec: { readiness: { gates: ['Endpoints'] } } });
  const served = await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
  expect(conditionOf(served, 'HandshakeVerified')).toMatchObject({ status: 'True', reason: 'NotRequired' });
  expect(await healthOf(name)).toEqual(['SERVING']);
});

test('a card that is no card is WrongProtocol', async () => {
  const name = 'no-card';
  const options = { fixture: plane.fixture, address: nextAddress(), dnsName: dnsName(name), card: '<html>' };
  await using server = await startOddServer(options);
  const resource = await applyServer(name, server.address);
  // It is open to anyone as well, which is worse.
  await untilCondition(plane.kube, resource, { type: 'HandshakeVerified', status: 'False', reason: 'OpenToAnyone' });
});

test('mutual TLS: the operator shows its certificate', async () => {
  const { fixture, kube } = plane;
  const name = 'mutual';
  await using server = await startServer({ name, clientCaFile: fixture.authority.certificateFile });
  const data = { 'ca.crt': fixture.authority.certificate };
  const bundle: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mesh-ca', namespace }, data };
  await kube.apply(bundle);
  const caBundleRef = { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' };
  const resource = await applyServer(name, server.address, { tls: { mode: 'Mutual', caBundleRef } });
  await untilCondition(kube, resource, { type: 'Ready', status: 'True' });
  expect((await readRecord(plane.store, name))?.endpoints).toMatchObject([{ transport: 'MTLS', health: 'SERVING' }]);
});

test('a server that wants a certificate and is called without one says TLSFailed', async () => {
  const name = 'wants-certificate';
  await using server = await startServer({ name, clientCaFile: plane.fixture.authority.certificateFile });
  const resource = await applyServer(name, server.address);
  const awaited = { type: 'HandshakeVerified', status: 'False', reason: 'TLSFailed' } as const;
  const failed = await untilCondition(plane.kube, resource, awaited);
  expect(conditionOf(failed, 'HandshakeVerified')?.message).toContain('Mutual');
});

/** What the test's server offers beside db:inventory:read. */
const BEYOND = ['context:read:inventory:*:stock_count', 'tool:compute_pricing'];

test('what a server offers beyond its declaration stays hidden and is said', async () => {
  const name = 'drifted';
  await using server = await startServer({ name });
  const resource = await applyServer(name, server.address, { capabilities: [{ name: 'db:inventory:read' }] });
  const drifted = await untilCondition(plane.kube, resource, { type: 'CapabilitiesMatch', status: 'False' });
  expect(conditionOf(drifted, 'CapabilitiesMatch')).toMatchObject({ reason: 'UndeclaredCapability' });
  expect(conditionOf(drifted, 'CapabilitiesMatch')?.message).toContain('tool:compute_pricing');
  const ready = await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
  expect(ready.status.capabilities).toMatchObject({ advertised: 1, undeclared: BEYOND });
  expect((await readRecord(plane.store, name))?.capabilities).toEqual(['db:inventory:read']);

  await plane.kube.patch(resource, { spec: { capabilityMode: 'Discovered' } });
  await untilRecord(plane.store, name, (record) => record?.capabilities.length === 1 + BEYOND.length);
  await plane.kube.patch(resource, { spec: { capabilityMode: 'Declared' } });
  const strict = { type: 'Ready', status: 'False', reason: 'UndeclaredCapability' } as const;
  await untilCondition(plane.kube, resource, strict);
});

test('a server that dies leaves Lookup after its failure threshold, not before, and comes back at once', async () => {
  const name = 'mortal';
  const server = await startServer({ name });
  const resource = await applyServer(name, server.address, { readiness: QUICK });
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
  await eventually(
    () => lookUp(name),
    (found) => found.length === 1,
    { what: 'Lookup to answer it' },
  );
  const diedMs = performance.now();
  await server.stop();
  const dead = await untilCondition(plane.kube, resource, { type: 'HandshakeVerified', status: 'False' });
  // Three failures in a row, an interval of 0.9 s at least apart.
  expect(performance.now() - diedMs).toBeGreaterThan(1_500);
  expect(conditionOf(dead, 'HandshakeVerified')).toMatchObject({ reason: 'Unreachable' });
  expect(dead.status.endpoints.summary).toBe('0/1');
  await eventually(
    () => lookUp(name),
    (found) => found.length === 0,
    { what: 'Lookup to leave it out', timeoutMs: 1_000 },
  );

  await using _again = await startServer({ name, address: server.address });
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True', timeoutMs: 5_000 });
  await eventually(
    () => lookUp(name),
    (found) => found.length === 1,
    { what: 'Lookup to answer it again', timeoutMs: 1_000 },
  );
});

function startServer({ name, ...options }: { name: string } & Partial<TestServerOptions>) {
  const { fixture } = plane;
  return startTestServer({ fixture, serverName: name, address: nextAddress(), dnsName: dnsName(name), ...options });
}

async function applyServer(name: string, address: string, spec: object = {}): Promise<KubeObject> {
  await plane.kube.apply(serviceObject(namespace, name));
  await plane.kube.apply(sliceObject({ namespace, service: name, addresses: [address] }));
  return plane.kube.apply(serviceServer(namespace, name, spec));
}

function nextAddress(): string {
  lastAddress += 1;
  return `192.0.2.${lastAddress}`;
}

function dnsName(service: string): string {
  return `${service}.${namespace}.svc`;
}

async function healthOf(serverName: string): Promise<readonly string[] | undefined> {
  return (await readRecord(plane.store, serverName))?.endpoints.map(({ health }) => health);
}

async function lookUp(serverName: string): Promise<readonly string[]> {
  const claims = { iss: ISSUER, sub: `${namespace}.agent`, aud: [serverName], capabilities: ['db:inventory:read'] };
  const requester_token = await mintToken(plane.fixture.signingKey, claims, { clock: systemClock });
  const answer = await registry.client.call('Lookup', { requester_token, capability_filter: ['db:inventory:read'] });
  return answer.endpoints.map(({ grpc_url }) => grpc_url);
}
