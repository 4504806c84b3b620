/**
 * Starts the registry: an index that follows the store, and the Discovery service that answers from it. `main.ts` and
 * `mcp2 up` share this.
 *
 * It listens at once and says NOT_SERVING until the index is loaded, so that an etcd that is away delays the answer and
 * not the process.
 */
import type { ServerCredentials } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import type { ServerTlsFiles } from '#lib/config/tls-files.ts';
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { plaintextServer, tlsServer } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { createServer, type GrpcServer, type ServerOptions } from '#lib/grpc/serve.ts';
import { unary, unaryEncoded } from '#lib/grpc/unary.ts';
import type { Logger } from '#lib/logger.ts';
import { createAuthenticate, createReauthenticate } from '#lib/middleware/authenticate.ts';
import { createGuards } from '#lib/middleware/guard.ts';
import { createTrustedVerifier } from '#lib/middleware/trusted-issuer.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { type OpsServer, startOpsServer } from '#lib/observe/ops-server.ts';
import { follow } from '#lib/store/follow.ts';
import { createKeys, type Keys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { atMost } from '#lib/time-limit.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import type { TokenVerifier } from '#lib/token/verify.ts';
import { REGISTRY_NAME } from '#lib/well-known.ts';
import type { Services } from '#protos/load.ts';
import { Callers } from './caller.ts';
import { Collector } from './collector.ts';
import type { RegistryConfig } from './config.ts';
import { createDeregister } from './deregister.ts';
import { createRegistryGuards } from './guards.ts';
import { createHeartbeat, HEARTBEAT_SILENCE_MS } from './heartbeat.ts';
import type { RandomBytes } from './lease-token.ts';
import { createLookup } from './lookup.ts';
import { createRegistryMetrics } from './metrics.ts';
import { ObservedLatency } from './observed-latency.ts';
import { createRegister } from './register.ts';
import { RegistrationIndex } from './registration-index.ts';
import { RegistrationStore } from './registration-store.ts';
import { Staleness } from './staleness.ts';

export interface RegistryDependencies {
  /** Closed by whoever opened it, after the registry stopped. */
  readonly store: Store;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Cryptographically strong. */
  readonly randomBytes: RandomBytes;
  readonly log: Logger;
  /** Where calls are counted; one registry of metrics a service. */
  readonly metrics: Registry;
  readonly protos: Pick<Services, 'Discovery'>;
}

export interface RunningRegistry {
  readonly port: number;
  /** Undefined when the configuration names none. */
  readonly opsPort: number | undefined;
  /** Settles when the index is loaded and the store has confirmed it; waits for as long as the store is away. */
  readonly ready: Promise<void>;
  /** Lets running calls finish, for at most `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

const DISCOVERY = 'mcp2.Discovery';
/** The largest Register there can be has some 200 KiB: 256 viewers, 64 capabilities declared and 64 required. */
const MAX_REQUEST_BYTES = 256 * 1024;
/** Between listings of a store that is away. */
const FOLLOW_BASE_MS = 250;
const FOLLOW_CAP_MS = 5_000;
/** What a stop waits for the background to end. */
const BACKGROUND_GRACE_MS = 1_000;

/** @throws ListenError, or the error of a key or TLS file that cannot be read. */
export async function start(config: RegistryConfig, dependencies: RegistryDependencies): Promise<RunningRegistry> {
  const { clock, log, metrics } = dependencies;
  const state = createState(config, dependencies);
  const verifier = await createTrustedVerifier(config.trust, { clock, log, revocations: noRevocations });
  const tls = await credentialsOf(config.tls, dependencies);
  const served = discoveryOf(config, { ...dependencies, ...state, verifier });
  const server = createServer({
    ...served,
    credentials: tls.credentials,
    clock,
    log,
    metrics,
    limits: { maxRequestBytes: MAX_REQUEST_BYTES },
  });
  server.health.set(DISCOVERY, 'NOT_SERVING');
  const { port, ops } = await listen(config, { log, metrics, index: state.index, server }).catch(async (error) => {
    tls.close();
    await server.close();
    throw error;
  });
  const stopping = new AbortController();
  const background = runBackground(config, { ...dependencies, ...state, signal: stopping.signal });
  const ready = whenReady(state, server, stopping.signal);
  log.info({ port, opsPort: ops?.port }, 'the registry listens');
  return {
    port,
    opsPort: ops?.port,
    ready,
    async stop(timeoutMs) {
      await server.drain(timeoutMs);
      stopping.abort(new Error('the registry is shutting down'));
      // A call to a store that is away ends when the store is closed, which comes after us.
      await atMost(BACKGROUND_GRACE_MS, background, clock);
      await ops?.close();
      tls.close();
    },
  };
}

interface State {
  readonly keys: Keys;
  readonly index: RegistrationIndex;
  readonly staleness: Staleness;
}

function createState(config: RegistryConfig, { store, clock, log }: RegistryDependencies): State {
  const keys = createKeys(config.prefix);
  const index = new RegistrationIndex({
    keys,
    clock,
    onUnavailable: (error, isFirst) =>
      log[isFirst ? 'warn' : 'debug']({ err: error }, 'the store cannot be followed at the moment; trying again'),
  });
  const staleness = new Staleness({
    store,
    // Any key will do, and reading one that never exists moves no data.
    probeKey: keys.server('registry-probe'),
    watchSilentMs: () => index.silentMs,
    clock,
    log,
    settings: config.staleness,
  });
  return { keys, index, staleness };
}

interface DiscoveryParts extends RegistryDependencies, State {
  readonly verifier: TokenVerifier;
}

/** Watch and GetCard come with their issues; until then they answer UNIMPLEMENTED. */
function discoveryOf(
  config: RegistryConfig,
  parts: DiscoveryParts,
): Pick<ServerOptions, 'services' | 'guards' | 'onCallEnd'> {
  const { store, clock, random, randomBytes, metrics, protos, keys, index, staleness, verifier } = parts;
  const registrations = new RegistrationStore({ store, keys, clock, random });
  const latency = new ObservedLatency(clock);
  const counts = createRegistryMetrics({ metrics, index, staleness });
  const encode = protos.Discovery.Lookup.responseSerialize;
  const callers = new Callers((descriptor) => encode({ endpoints: [descriptor] }));
  const guards = createGuards({
    serverName: REGISTRY_NAME,
    authenticate: createAuthenticate(verifier),
    revocations: noRevocations,
    own: createRegistryGuards(callers),
  });
  const discovery = implement(protos.Discovery, {
    Lookup: unaryEncoded(
      createLookup({
        reauthenticate: createReauthenticate(verifier),
        callers,
        index,
        latency,
        staleness,
        clock,
        random,
        encode,
        onAnswer: counts.lookedUp,
      }),
    ),
    Register: unary(createRegister({ store, registrations, rules: config.rules, randomBytes })),
    Heartbeat: bidiStream(createHeartbeat({ index, registrations, store, latency }), {
      idleTimeoutMs: HEARTBEAT_SILENCE_MS,
    }),
    Deregister: unary(createDeregister({ registrations })),
  });
  return { services: [discovery], guards, onCallEnd: counts.called };
}

interface BackgroundParts extends RegistryDependencies, State {
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts; never rejects. */
async function runBackground(config: RegistryConfig, parts: BackgroundParts): Promise<void> {
  const { store, clock, random, log, keys, index, staleness, signal } = parts;
  const backoff = new Backoff({ baseMs: FOLLOW_BASE_MS, capMs: FOLLOW_CAP_MS, random });
  const collector = new Collector({ store, keys, index, staleness, clock, log, settings: config.collector });
  await Promise.all([
    follow({ store, prefix: keys.root, follower: index, signal, clock, backoff }),
    staleness.run(signal),
    collector.run(signal),
  ]);
}

async function whenReady({ index, staleness }: State, server: GrpcServer, signal: AbortSignal): Promise<void> {
  await index.loaded;
  if (signal.aborted) return;
  // A store that went away again shows as stale answers; what was loaded is served.
  await staleness.confirm().catch(() => undefined);
  server.health.set(DISCOVERY, 'SERVING');
}

interface Credentials {
  readonly credentials: ServerCredentials;
  close(): void;
}

async function credentialsOf(
  tls: ServerTlsFiles | undefined,
  { clock, log }: Pick<RegistryDependencies, 'clock' | 'log'>,
): Promise<Credentials> {
  return tls === undefined ? { credentials: plaintextServer(), close() {} } : tlsServer(tls, { clock, log });
}

interface ListenParts {
  readonly server: GrpcServer;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly index: RegistrationIndex;
}

interface Listening {
  readonly port: number;
  readonly ops: OpsServer | undefined;
}

async function listen({ listen, opsListen }: RegistryConfig, parts: ListenParts): Promise<Listening> {
  const { server, log, metrics, index } = parts;
  const port = await server.listen(listen);
  const address = opsListen === undefined ? undefined : parseHostPort(opsListen);
  if (address === undefined) return { port, ops: undefined };
  const readiness = { index: () => (index.isLoaded ? undefined : 'the first listing of the store is not in yet') };
  return { port, ops: await startOpsServer({ address, metrics, readiness, log }) };
}
