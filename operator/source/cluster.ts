/**
 * Resources and what they refer to, from the API server: four reflectors, kept warm on every replica.
 *
 * A change of anything a server refers to ends up as the key of that server. Our own status writes do not: only
 * generation, deletion, uid, finalizers and annotations of a resource make it worth another look.
 */
import { LRUCache } from 'lru-cache';
import { canonicalJson } from '#lib/canonical-json.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from '../kube/api.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { EventRecorder } from '../kube/events.ts';
import { addFinalizer, removeFinalizer } from '../kube/finalizer.ts';
import { CONFIG_MAPS, ENDPOINT_SLICES, type KubeObject, type ResourceType, SERVICES } from '../kube/object.ts';
import { ObjectStore } from '../kube/object-store.ts';
import { type ChangeCause, Reflector, type ReflectorMetrics, type ReflectorTiming } from '../kube/reflector.ts';
import type { StatusWriter, WithStatus } from '../kube/status.ts';
import type { Log } from '../log.ts';
import type { EndpointSlice, Service } from '../server/endpoints.ts';
import { FINALIZER, type Mcp2ServerStatus } from '../server/resource.ts';
import type { References, ResourceEvent, ResourceSource, SourcedServer } from './source.ts';

export const MCP2_SERVERS: ResourceType = Object.freeze({
  group: 'mcp2.dev',
  version: 'v1alpha1',
  plural: 'mcp2servers',
  kind: 'Mcp2Server',
  isNamespaced: true,
});
const NAMESPACES: ResourceType = Object.freeze({
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  isNamespaced: false,
});
const SERVICE_LABEL = 'kubernetes.io/service-name';
const CONFIG_MAP_CACHE = { max: 1000, ttl: 60_000 } as const;

type SliceObject = KubeObject & EndpointSlice;
type ServiceObject = KubeObject & Service;
interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface ClusterSourceOptions {
  readonly api: KubeApi;
  readonly statusWriter: StatusWriter;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics?: ReflectorMetrics;
  readonly timing?: Partial<ReflectorTiming>;
  /** A resource came, changed or went. */
  readonly onKey: (key: string, cause: ChangeCause) => void;
  /** Endpoints of this resource changed; they come in crowds. */
  readonly onEndpoints: (key: string) => void;
}

export class ClusterSource implements ResourceSource, References {
  readonly #options: ClusterSourceOptions;
  readonly #servers = new ObjectStore<SourcedServer>({
    indexes: {
      serverName: (server) => [foldServerName(askedName(server))],
      service: (server) => servicesOf(server),
      selectsNamespaces: (server) => (selectsNamespaces(server) ? ['yes'] : []),
    },
  });
  readonly #services = new ObjectStore<ServiceObject>();
  readonly #slices = new ObjectStore<SliceObject>({ indexes: { service: (slice) => servicesOfSlice(slice) } });
  readonly #namespaces = new ObjectStore<KubeObject>();
  readonly #configMaps = new LRUCache<string, ConfigMap>(CONFIG_MAP_CACHE);
  readonly #serverReflector: Reflector<SourcedServer>;
  readonly #reflectors: readonly { readonly hasSynced: boolean; run(signal: AbortSignal): Promise<void> }[];

  constructor(options: ClusterSourceOptions) {
    this.#options = options;
    const { onKey } = options;
    this.#serverReflector = new Reflector({
      ...options,
      resource: MCP2_SERVERS,
      store: this.#servers,
      isRelevant,
      onKey: (key, cause) => {
        onKey(key, cause);
        if (cause === 'deleted' || cause === 'vanished') this.#tellRivals(key);
      },
    });
    const services = new Reflector<ServiceObject>({
      ...options,
      resource: SERVICES,
      store: this.#services,
      onKey: (key) => this.#tellUsers('service', key, onKey),
    });
    const slices = new Reflector<SliceObject>({
      ...options,
      resource: ENDPOINT_SLICES,
      store: this.#slices,
      keysOf: servicesOfSlice,
      onKey: (key) => this.#tellUsers('service', key, options.onEndpoints),
    });
    const namespaces = new Reflector<KubeObject>({
      ...options,
      resource: NAMESPACES,
      store: this.#namespaces,
      isRelevant: (before, after) => canonicalJson(before.metadata.labels) !== canonicalJson(after.metadata.labels),
      transform: ({ metadata: { name, labels, resourceVersion } }) => ({
        metadata: { name, ...(labels ? { labels } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
      }),
      onKey: () => this.#tellUsers('selectsNamespaces', 'yes', onKey),
    });
    this.#reflectors = [this.#serverReflector, services, slices, namespaces];
  }

  /** Lists and watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  get(key: string): SourcedServer | undefined {
    return this.#servers.get(key);
  }

  all(): Iterable<SourcedServer> {
    return this.#servers.all();
  }

  claimants(serverName: string): readonly SourcedServer[] {
    return this.#servers.byIndex('serverName', foldServerName(serverName));
  }

  hasSynced(): boolean {
    return this.#reflectors.every(({ hasSynced }) => hasSynced);
  }

  freshAtMs(): number | undefined {
    return this.#serverReflector.freshAtMs;
  }

  async isGone({ namespace, name, uid }: { namespace: string; name: string; uid: string }): Promise<boolean> {
    try {
      const { metadata } = await this.#options.api.get(MCP2_SERVERS, { namespace, name });
      return metadata.uid !== uid;
    } catch (error) {
      if (isNotFound(error)) return true;
      this.#options.log.warn(
        { err: error, namespace, name },
        'cannot tell whether a resource is gone; keeping its registration',
      );
      return false;
    }
  }

  async addFinalizer(server: SourcedServer, signal: AbortSignal): Promise<void> {
    await addFinalizer({
      api: this.#options.api,
      resource: MCP2_SERVERS,
      object: server,
      finalizer: FINALIZER,
      signal,
    });
  }

  async removeFinalizer(server: SourcedServer, signal: AbortSignal): Promise<void> {
    await removeFinalizer({
      api: this.#options.api,
      resource: MCP2_SERVERS,
      object: server,
      finalizer: FINALIZER,
      signal,
    });
  }

  statusOf(server: SourcedServer): Mcp2ServerStatus | undefined {
    return this.#options.statusWriter.latest(server as WithStatus) as Mcp2ServerStatus | undefined;
  }

  async writeStatus(server: SourcedServer, status: Mcp2ServerStatus, signal: AbortSignal): Promise<void> {
    await this.#options.statusWriter.write(server as WithStatus, { ...status }, signal);
  }

  recordEvent(server: SourcedServer, event: ResourceEvent): void {
    const regarding = { apiVersion: 'mcp2.dev/v1alpha1', kind: MCP2_SERVERS.kind, ...server };
    const { message, ...rest } = event;
    this.#options.events.record({ ...rest, regarding, action: 'Reconcile', note: message });
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }

  endpointSlices(namespace: string, service: string): readonly EndpointSlice[] {
    return this.#slices.byIndex('service', `${namespace}/${service}`);
  }

  namespacesMatching(labels: Readonly<Record<string, string>>): readonly string[] {
    const wanted = Object.entries(labels);
    return [...this.#namespaces.all()]
      .filter(({ metadata }) => wanted.every(([name, value]) => metadata.labels?.[name] === value))
      .map(({ metadata }) => metadata.name);
  }

  async configMapText(namespace: string, name: string, key: string, signal: AbortSignal): Promise<string | undefined> {
    const cacheKey = `${namespace}/${name}`;
    try {
      const found =
        this.#configMaps.get(cacheKey) ??
        (await this.#options.api.get<ConfigMap>(CONFIG_MAPS, { namespace, name }, { signal }));
      this.#configMaps.set(cacheKey, found);
      return found.data?.[key];
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #tellUsers(index: string, value: string, tell: (key: string, cause: ChangeCause) => void): void {
    for (const { metadata } of this.#servers.byIndex(index, value))
      tell(`${metadata.namespace}/${metadata.name}`, 'changed');
  }

  /** A name became free: whoever waits for it may have it now. */
  #tellRivals(key: string): void {
    const removed = this.#servers.removed(key)?.object;
    if (!removed) return;
    for (const { metadata } of this.claimants(askedName(removed)))
      this.#options.onKey(`${metadata.namespace}/${metadata.name}`, 'changed');
  }
}

function isRelevant(before: SourcedServer, after: SourcedServer): boolean {
  const facts = ({ metadata }: SourcedServer) => [
    metadata.uid,
    metadata.generation,
    metadata.deletionTimestamp,
    metadata.finalizers,
    metadata.annotations,
  ];
  return canonicalJson(facts(before)) !== canonicalJson(facts(after));
}

interface LooseSpec {
  readonly serverName?: unknown;
  readonly source?: { readonly service?: { readonly name?: unknown } };
  readonly registration?: { readonly visibility?: { readonly from?: unknown } };
}

function specOf({ spec }: SourcedServer): LooseSpec {
  return typeof spec === 'object' && spec !== null ? spec : {};
}

function askedName(server: SourcedServer): string {
  const { serverName } = specOf(server);
  return typeof serverName === 'string' ? serverName : server.metadata.name;
}

function servicesOf(server: SourcedServer): readonly string[] {
  const name = specOf(server).source?.service?.name;
  return typeof name === 'string' ? [`${server.metadata.namespace}/${name}`] : [];
}

function selectsNamespaces(server: SourcedServer): boolean {
  return specOf(server).registration?.visibility?.from === 'Selector';
}

function servicesOfSlice({ metadata }: SliceObject): readonly string[] {
  const service = metadata.labels?.[SERVICE_LABEL];
  return service === undefined ? [] : [`${metadata.namespace}/${service}`];
}
