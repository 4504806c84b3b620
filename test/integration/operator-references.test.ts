/** What an Mcp2Server points at: what is missing or wrong is said, what comes later is found. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { conditionOf, readRecord, serviceServer, untilCondition, untilRecord } from '../harness/mcp2-servers.ts';
import { serviceObject, sliceObject, startTestServer } from '../harness/operator-fixture.ts';
import { createCertificateAuthority } from '../harness/pki.ts';

let plane: ControlPlane;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.startOperator();
  namespace = await createNamespace(plane.kube);
});

afterAll(() => plane?.[Symbol.asyncDispose]());

test('a missing Service is named, and found once it is there', async () => {
  const { kube } = plane;
  const server = await kube.apply(serviceServer(namespace, 'late-service'));
  const without = await untilCondition(kube, server, { type: 'ResolvedRefs', status: 'False' });
  expect(conditionOf(without, 'ResolvedRefs')).toMatchObject({ reason: 'ServiceNotFound' });
  expect(conditionOf(without, 'ResolvedRefs')?.message).toContain('"late-service"');
  expect(conditionOf(without, 'Ready')).toMatchObject({ status: 'False', reason: 'ServiceNotFound' });

  await kube.apply(serviceObject(namespace, 'late-service'));
  const found = await untilCondition(kube, server, { type: 'ResolvedRefs', status: 'True', reason: 'Resolved' });
  expect(conditionOf(found, 'EndpointsReady')).toMatchObject({ status: 'False', reason: 'ScaledToZero' });
});

test('a missing port is answered with those that there are', async () => {
  const { kube } = plane;
  await kube.apply(serviceObject(namespace, 'other-port'));
  const spec = { source: { service: { name: 'other-port', port: 'http' } } };
  const server = await kube.apply(serviceServer(namespace, 'other-port', spec));
  const without = await untilCondition(kube, server, { type: 'ResolvedRefs', status: 'False', reason: 'PortNotFound' });
  expect(conditionOf(without, 'ResolvedRefs')?.message).toMatch(/http.*grpc/);
});

test('a Service of type ExternalName is refused with a hint to source.address', async () => {
  const { kube } = plane;
  const spec = { type: 'ExternalName', externalName: 'db.example', ports: [{ name: 'grpc', port: 50051 }] };
  const service: KubeObject = { ...serviceObject(namespace, 'external'), spec };
  await kube.apply(service);
  const server = await kube.apply(serviceServer(namespace, 'external'));
  const refused = await untilCondition(kube, server, { type: 'ResolvedRefs', status: 'False' });
  expect(conditionOf(refused, 'ResolvedRefs')).toMatchObject({ reason: 'RefNotPermitted' });
  expect(conditionOf(refused, 'ResolvedRefs')?.message).toContain('spec.source.address');
});

test('a CA bundle that is missing, no certificate, the wrong one and at last the right one', async () => {
  const { kube, fixture } = plane;
  const name = 'own-ca';
  const dnsName = `${name}.${namespace}.svc`;
  await using one = await startTestServer({ fixture, serverName: name, address: '192.0.2.20', dnsName });
  await kube.apply(serviceObject(namespace, name));
  await kube.apply(sliceObject({ namespace, service: name, addresses: [one.address] }));
  const tls = { caBundleRef: { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' } };
  const server = await kube.apply(serviceServer(namespace, name, { tls }));
  const refused = await untilCondition(kube, server, { type: 'ResolvedRefs', status: 'False' });
  expect(conditionOf(refused, 'ResolvedRefs')).toMatchObject({ reason: 'CABundleNotFound' });
  expect(conditionOf(refused, 'ResolvedRefs')?.message).toContain('"mesh-ca" with key "ca.crt"');

  await kube.apply(bundle('no certificate at all'));
  const noCertificate = { type: 'ResolvedRefs', status: 'False', reason: 'CertificateInvalid' } as const;
  await untilCondition(kube, server, { ...noCertificate, timeoutMs: 30_000 });

  const stranger = await createCertificateAuthority(join(fixture.folder, 'stranger'), 'stranger');
  await kube.apply(bundle(stranger.certificate));
  const mistrust = { type: 'HandshakeVerified', status: 'False', reason: 'TLSFailed' } as const;
  await untilCondition(kube, server, { ...mistrust, timeoutMs: 30_000 });

  await kube.apply(bundle(await readFile(fixture.authority.certificateFile, 'utf8')));
  await untilCondition(kube, server, { type: 'Ready', status: 'True', timeoutMs: 45_000 });

  // A bundle that is lost later proves nothing against endpoints that were proved before.
  await kube.delete(bundle(''));
  let looks = 0;
  const look = () => kube.patch(server, { metadata: { annotations: { 'example.com/look': String(looks++) } } });
  const isLost = (now: KubeObject) => conditionOf(now, 'Ready')?.reason === 'CABundleNotFound';
  const lost = await eventually(look, isLost, { what: 'the loss to be noticed', intervalMs: 500 });
  expect(lost.status.endpoints.summary).toBe('1/1');
  expect((await readRecord(plane.store, name))?.endpoints).toMatchObject([{ health: 'SERVING' }]);
}, 120_000);

test('a Service that goes takes the endpoints along, and the record stays', async () => {
  const { kube, fixture, store } = plane;
  const name = 'fleeting';
  const dnsName = `${name}.${namespace}.svc`;
  await using one = await startTestServer({ fixture, serverName: name, address: '192.0.2.21', dnsName });
  const service = await kube.apply(serviceObject(namespace, name));
  await kube.apply(sliceObject({ namespace, service: name, addresses: [one.address] }));
  const server = await kube.apply(serviceServer(namespace, name));
  await untilCondition(kube, server, { type: 'Ready', status: 'True' });

  await kube.delete(service);
  await untilRecord(store, name, (record) => record?.endpoints.length === 0, 2_000);
  await untilCondition(kube, server, { type: 'Ready', status: 'False', reason: 'ServiceNotFound' });
});

function bundle(text: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mesh-ca', namespace }, data: { 'ca.crt': text } };
}
