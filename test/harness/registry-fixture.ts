/**
 * The registry for tests: in this process, with real gRPC, on whichever real store the test gives it, and tokens of a
 * key that it trusts.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import type { RunningService } from '#lib/service/start-service.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { Store } from '#lib/store/store.ts';
import { mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import type { DiscoveryDefinition } from '#protos/generated/mcp2/Discovery.ts';
import { loadServices, type Services } from '#protos/load.ts';
import { type RegistryConfig, readConfig } from '../../services/registry/config.ts';
import { start } from '../../services/registry/start.ts';
import { startEtcd } from './etcd.ts';
import { createWorkspace } from './processes.ts';

export const ISSUER = 'mcp2:test';

/** A key, and where verifiers find its public half. */
export interface TestTokens {
  readonly jwksFile: string;
  readonly signingKey: SigningKey;
  /** Default: subject "shop.db" with every right of a registrant and of a caller, for every server named `Db_…`. */
  mint(claims?: Partial<MintRequest>, options?: { readonly nowMs?: number }): Promise<string>;
}

export const EVERY_RIGHT = [
  'registry:register:*',
  'registry:provide:*',
  'registry:lookup',
  'db:inventory:read',
] as const;

export async function createTokens(): Promise<TestTokens> {
  const { folder } = createWorkspace('tokens');
  const generated = await generateSigningKey();
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify(generated.publicJwks));
  const signingKey = await importSigningKey(generated.privateJwk);
  const defaults = { iss: ISSUER, sub: 'shop.db', aud: ['RegistryServer', 'Db_*'], capabilities: EVERY_RIGHT };
  return {
    jwksFile,
    signingKey,
    mint: (claims = {}, { nowMs = Date.now() } = {}) =>
      mintToken(signingKey, { ...defaults, ...claims }, { clock: { nowMs: () => nowMs } }),
  };
}

export interface TestStore extends AsyncDisposable {
  readonly kind: 'etcd' | 'embedded';
  readonly store: Store;
  /** Another connection to the same data; the embedded store has only one. */
  connect(): Store;
}

export const STORE_KINDS = ['etcd', 'embedded'] as const;

export async function startStore(kind: TestStore['kind']): Promise<TestStore> {
  if (kind === 'embedded') {
    const store = await openEmbeddedStore({ directory: createWorkspace('store').folder, clock: systemClock });
    return { kind, store, connect: () => store, [Symbol.asyncDispose]: () => store.close() };
  }
  const etcd = await startEtcd();
  const stores: Store[] = [];
  const connect = () => {
    const store = connectEtcdStore({ endpoints: etcd.urls, clock: systemClock, random: Math.random });
    stores.push(store);
    return store;
  };
  return {
    kind,
    store: connect(),
    connect,
    async [Symbol.asyncDispose]() {
      await Promise.all(stores.map((store) => store.close()));
      await etcd[Symbol.asyncDispose]();
    },
  };
}

export interface TestRegistryOptions {
  readonly store: Store;
  readonly tokens: TestTokens;
  /** Over the defaults, with loopback endpoints allowed. */
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: Partial<RegistryConfig>;
}

export interface TestRegistry extends AsyncDisposable {
  readonly running: RunningService;
  /** host:port. */
  readonly target: string;
  readonly client: ServiceClient<DiscoveryDefinition>;
  readonly services: Services;
  metrics(): Promise<string>;
}

/** Loaded and ready, unless its store is away: then await `running.ready`. */
export async function startRegistry(options: TestRegistryOptions): Promise<TestRegistry> {
  const services = loadServices();
  const metrics = createMetrics({ service: 'registry', process: false });
  const running = await start(registryConfig(options), {
    store: options.store,
    clock: systemClock,
    random: Math.random,
    randomBytes,
    log: pino({ level: 'silent' }),
    metrics,
    protos: services,
  });
  const target = `127.0.0.1:${running.port}`;
  const client = createClient(services.Discovery, target, { clock: systemClock, credentials: plaintextClient() });
  return {
    running,
    target,
    client,
    services,
    metrics: () => metrics.metrics(),
    async [Symbol.asyncDispose]() {
      client.close();
      await running.stop(0);
    },
  };
}

function registryConfig({ tokens, env = {}, config = {} }: TestRegistryOptions): RegistryConfig {
  const registry = readConfig({
    MCP2_LISTEN: '127.0.0.1:0',
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: tokens.jwksFile,
    MCP2_REGISTRY_ALLOW_LOOPBACK: 'true',
    MCP2_REGISTRY_STORE_DIR: 'given as a dependency',
    ...env,
  });
  return { ...registry, ...config };
}

/** Why the call was refused; fails the test when it was answered. */
export async function refusalOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    (answer) => new Error(`answered instead of refused: ${JSON.stringify(answer)}`),
    (caught: unknown) => caught,
  );
  if (error instanceof CallError) return error;
  throw error;
}
