/**
 * Starts the registry: an index that follows the store, and the Discovery service that answers from it. `main.ts` and
 * `mcp2 up` share this.
 *
 * It listens at once and says NOT_SERVING until the index is loaded, so that an etcd that is away delays the answer and
 * not the process.
 */
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { implement } from '#lib/grpc/method.ts';
import { unary, unaryEncoded } from '#lib/grpc/unary.ts';
import type { Access } from '#lib/service/access.ts';
import { type RunningService, type Served, type ServiceRuntime, startService } from '#lib/service/start-service.ts';
import type { Store } from '#lib/store/store.ts';
import { REGISTRY_NAME } from '#lib/well-known.ts';
import type { Services } from '#protos/load.ts';
import { Callers } from './caller.ts';
import type { RegistryConfig } from './config.ts';
import { createDeregister } from './deregister.ts';
import { createRegistryGuards } from './guards.ts';
import { createHeartbeat, HEARTBEAT_SILENCE_MS } from './heartbeat.ts';
import type { RandomBytes } from './lease-token.ts';
import { createLookup } from './lookup.ts';
import { createRegistryMetrics } from './metrics.ts';
import { ObservedLatency } from './observed-latency.ts';
import { createRegister } from './register.ts';
import { RegistrationStore } from './registration-store.ts';
import { createStoreView, type StoreView } from './store-view.ts';

export interface RegistryDependencies extends ServiceRuntime {
  /** Closed by whoever opened it, after the registry stopped. */
  readonly store: Store;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Cryptographically strong. */
  readonly randomBytes: RandomBytes;
  readonly protos: Pick<Services, 'Discovery'>;
}

/** The largest Register there can be has some 200 KiB: 256 viewers, 64 capabilities declared and 64 required. */
const MAX_REQUEST_BYTES = 256 * 1024;

/** @throws ListenError, or ConfigError for a file of keys or TLS that cannot be used. */
export function start(config: RegistryConfig, dependencies: RegistryDependencies): Promise<RunningService> {
  const view = createStoreView(config, dependencies);
  const { index } = view;
  return startService(dependencies, {
    name: 'registry',
    serverName: REGISTRY_NAME,
    settings: config,
    serve: (access) => serveDiscovery(config, { ...dependencies, ...view, access }),
    limits: { maxRequestBytes: MAX_REQUEST_BYTES },
    readiness: { index: () => (index.isLoaded ? undefined : 'the first listing of the store is not in yet') },
    loaded: view.loaded,
    background: view.run,
  });
}

interface DiscoveryParts extends RegistryDependencies, StoreView {
  readonly access: Access;
}

/** Watch and GetCard come with their issues; until then they answer UNIMPLEMENTED. */
function serveDiscovery(config: RegistryConfig, parts: DiscoveryParts): Served {
  const { store, clock, random, randomBytes, metrics, protos, keys, index, staleness, access } = parts;
  const registrations = new RegistrationStore({ store, keys, clock, random });
  const latency = new ObservedLatency(clock);
  const counts = createRegistryMetrics({ metrics, index, staleness });
  const encode = protos.Discovery.Lookup.responseSerialize;
  const callers = new Callers((descriptor) => encode({ endpoints: [descriptor] }));
  const discovery = implement(protos.Discovery, {
    Lookup: unaryEncoded(
      createLookup({
        reauthenticate: access.reauthenticate,
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
  return { services: [discovery], own: createRegistryGuards(callers), onCallEnd: counts.called };
}
