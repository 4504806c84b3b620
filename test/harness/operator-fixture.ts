/**
 * The control plane's operator for tests, on a real API server and a real etcd: keys, certificates, the operator in
 * this process, and servers of the tests that stand for pods.
 *
 * EndpointSlices refuse loopback addresses, so tests write addresses of 192.0.2.0/24 (RFC 5737) and the operator's
 * `dial` leads each to a port of this machine.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { readKubeconfigConnection } from '#lib/kube/kubeconfig.ts';
import type { ReflectorTiming } from '#lib/kube/reflector.ts';
import type { Dial } from '#lib/net/dial.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { Store } from '#lib/store/store.ts';
import { type GeneratedKey, generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import { loadServices, type Services } from '#protos/load.ts';
import { type OperatorConfig, readOperatorConfig } from '../../operator/config.ts';
import { type RunningOperator, start } from '../../operator/start.ts';
import { type CertificateAuthority, createCertificateAuthority } from './pki.ts';
import { createWorkspace } from './processes.ts';
import { startStockServer } from './stock-server.ts';

export const ISSUER = 'mcp2:test';

export interface Fixture {
  readonly folder: string;
  readonly authority: CertificateAuthority;
  readonly generated: GeneratedKey;
  readonly signingKey: SigningKey;
  readonly jwksFile: string;
  readonly signingKeyFile: string;
  readonly services: Services;
  /** "192.0.2.10:55051" → port of 127.0.0.1. */
  readonly routes: Map<string, number>;
}

export async function createFixture(): Promise<Fixture> {
  const { folder } = createWorkspace('control-plane');
  const generated = await generateSigningKey();
  const [jwksFile, signingKeyFile] = [join(folder, 'jwks.json'), join(folder, 'key.jwk')];
  writeFileSync(jwksFile, JSON.stringify(generated.publicJwks));
  writeFileSync(signingKeyFile, JSON.stringify(generated.privateJwk), { mode: 0o600 });
  return {
    folder,
    authority: await createCertificateAuthority(join(folder, 'pki')),
    generated,
    signingKey: await importSigningKey(generated.privateJwk),
    jwksFile,
    signingKeyFile,
    services: loadServices(),
    routes: new Map(),
  };
}

export interface OperatorOptions {
  readonly fixture: Fixture;
  readonly kubeconfig: string;
  readonly etcdUrl: string;
  /** Over the defaults of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly reflectorTiming?: Partial<ReflectorTiming>;
  /** Default: the fixture's routes; an address without a route is refused. */
  readonly dial?: Dial;
  /** Put between the operator and etcd. Closing the operator closes both. */
  readonly wrapStore?: (store: Store) => Store;
  /** See OperatorDependencies. */
  readonly unavailableAfterMs?: number;
  readonly filePollMs?: number;
}

/** The environment of an operator process that works on these parts. */
export function operatorEnvironment({ fixture, kubeconfig, etcdUrl, env }: OperatorOptions): Record<string, string> {
  return {
    MCP2_OPS_LISTEN: '127.0.0.1:0',
    MCP2_ETCD_ENDPOINTS: etcdUrl,
    MCP2_SIGNING_KEY_FILE: fixture.signingKeyFile,
    MCP2_ISSUER: ISSUER,
    MCP2_CA_FILE: fixture.authority.certificateFile,
    MCP2_OPERATOR_KUBECONFIG: kubeconfig,
    // Long enough that a busy test machine costs nobody the lease; what is released is taken over at once anyway.
    MCP2_OPERATOR_LEASE_DURATION: '15s',
    MCP2_OPERATOR_RENEW_DEADLINE: '10s',
    MCP2_OPERATOR_RETRY_PERIOD: '500ms',
    POD_NAMESPACE: 'default',
    POD_NAME: `operator-${randomBytes(3).toString('hex')}`,
    ...env,
  };
}

export interface TestOperator extends AsyncDisposable {
  readonly config: OperatorConfig;
  readonly operator: RunningOperator;
  readonly metrics: Registry;
  stop(): Promise<void>;
}

/** In this process; for signals and pauses start operator/main.ts as a process. */
export async function startOperator(options: OperatorOptions): Promise<TestOperator> {
  const { fixture, kubeconfig, etcdUrl, reflectorTiming, unavailableAfterMs, filePollMs } = options;
  const { dial = async (url) => `127.0.0.1:${fixture.routes.get(url) ?? 1}`, wrapStore = (store) => store } = options;
  const config = readOperatorConfig(operatorEnvironment(options));
  const store = wrapStore(connectTestStore(etcdUrl));
  const metrics = new Registry();
  const operator = await start(config, {
    connection: await readKubeconfigConnection({ file: kubeconfig, clock: systemClock }),
    store,
    services: fixture.services,
    dial,
    definition: await readFile(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8'),
    clock: systemClock,
    random: Math.random,
    log: pino({ level: process.env.MCP2_TEST_LOG ?? 'silent' }),
    metrics: metrics,
    ...(reflectorTiming ? { reflectorTiming } : {}),
    ...(unavailableAfterMs === undefined ? {} : { unavailableAfterMs }),
    ...(filePollMs === undefined ? {} : { filePollMs }),
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= operator.stop().then(() => store.close());
    return stopped;
  };
  return { config, operator, metrics, stop, [Symbol.asyncDispose]: stop };
}

export function connectTestStore(etcdUrl: string): Store {
  return connectEtcdStore({ endpoints: [etcdUrl], clock: systemClock, random: Math.random });
}

export interface TestServer extends AsyncDisposable {
  /** As EndpointSlices and Discovery have it. */
  readonly address: string;
  readonly url: string;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  readonly fixture: Fixture;
  readonly serverName: string;
  /** An address of 192.0.2.0/24. */
  readonly address: string;
  /** In its certificate. */
  readonly dnsName: string;
  /** Default 55051. */
  readonly port?: number;
  /** Who signs its certificate. Default: the control plane's authority. */
  readonly authority?: CertificateAuthority;
  /** Whose tokens it takes. Default: the control plane's. */
  readonly jwksFile?: string;
  /** Default true. */
  readonly tls?: boolean;
  /** Who signs the certificates that it wants of its clients. Default: it wants none. */
  readonly clientCaFile?: string;
}

/** A server, with TLS unless told otherwise, that answers at a made-up pod address. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const { fixture, serverName, address, dnsName, port = 55051, jwksFile = fixture.jwksFile, tls = true } = options;
  const { authority = fixture.authority } = options;
  const certificate = await authority.issue({ commonName: serverName, names: [`DNS:${dnsName}`] });
  const files = {
    certFile: certificate.certificateFile,
    keyFile: certificate.keyFile,
    ...(options.clientCaFile === undefined ? {} : { clientCaFile: options.clientCaFile }),
  };
  const { services } = fixture;
  const server = await startStockServer({ serverName, issuer: ISSUER, jwksFile, services, ...(tls && { tls: files }) });
  const url = `${address}:${port}`;
  fixture.routes.set(url, server.port);
  const stop = async () => {
    fixture.routes.delete(url);
    await server.close();
  };
  return { address, url, stop, [Symbol.asyncDispose]: stop };
}

export interface SliceOptions {
  readonly namespace: string;
  readonly service: string;
  readonly addresses: readonly string[];
  readonly port?: number;
  /** Of every address. Default: ready. */
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}

/** A Service without a selector, as the test's own slices fill it. */
export function serviceObject(namespace: string, name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { ports: [{ name: 'grpc', port: 50051, targetPort: 'grpc' }] },
  };
}

export function sliceObject({ namespace, service, addresses, port = 55051, conditions }: SliceOptions) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-1`, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'grpc', port, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: conditions ?? { ready: true } })),
  };
}
