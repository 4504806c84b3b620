/**
 * Resources from the API server, kept warm on every replica.
 *
 * A change of anything a server refers to ends up as the key of that server. Our own status writes do not; a status
 * that somebody else wrote does, because it may be the last word of an operator that was replaced while it was paused.
 */
import { canonicalJson } from '#lib/canonical-json.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from '#lib/kube/api.ts';
import { isNotFound } from '#lib/kube/api-error.ts';
import type { EventRecorder } from '#lib/kube/events.ts';
import { addFinalizer, removeFinalizer } from '#lib/kube/finalizer.ts';
import { formatKey, keyOf, type ResourceType } from '#lib/kube/object.ts';
import { ObjectStore } from '#lib/kube/object-store.ts';
import type { ChangeCause, ReflectorMetrics, ReflectorTiming } from '#lib/kube/reflector.ts';
import { ReflectorGroup } from '#lib/kube/reflector-group.ts';
import type { StatusWriter, WithStatus } from '#lib/kube/status.ts';
import type { Logger } from '#lib/logger.ts';
import { FINALIZER, type Mcp2ServerStatus } from '../server/resource.ts';
import { ClusterReferences } from './cluster-references.ts';
import { OwnStatuses } from './own-statuses.ts';
import type { ResourceEvent, ResourceSource, SourcedServer } from './source.ts';

export const MCP2_SERVERS: ResourceType = Object.freeze({
  group: 'mcp2.dev',
  version: 'v1alpha1',
  plural: 'mcp2servers',
  kind: 'Mcp2Server',
  isNamespaced: true,
});

export interface ClusterSourceOptions {
  readonly api: KubeApi;
  /** Where resources are looked at; empty = everywhere. */
  readonly namespaces: readonly string[];
  readonly statusWriter: StatusWriter;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: ReflectorMetrics;
  readonly timing?: Partial<ReflectorTiming>;
  /** A resource came, changed or went, or something that it refers to did. */
  readonly onKey: (key: string, cause: ChangeCause) => void;
  /** Endpoints of this resource changed; they come in crowds. */
  readonly onEndpoints: (key: string) => void;
  /** Throws when this process does not lead: the store fences our writes there, nothing fences those to the API server. */
  readonly requireLeadership: () => void;
}

export class ClusterSource implements ResourceSource {
  readonly references: ClusterReferences;
  readonly #options: ClusterSourceOptions;
  readonly #ownStatuses = new OwnStatuses();
  readonly #servers = new ObjectStore<SourcedServer>({
    indexes: {
      serverName: (server) => [foldServerName(askedName(server))],
      service: (server) => servicesOf(server),
      selectsNamespaces: (server) => (selectsNamespaces(server) ? ['yes'] : []),
    },
  });
  readonly #reflector: ReflectorGroup<SourcedServer>;

  constructor(options: ClusterSourceOptions) {
    this.#options = options;
    const { onKey, onEndpoints } = options;
    const reflect: ConstructorParameters<typeof ReflectorGroup<SourcedServer>>[0] = {
      ...options,
      resource: MCP2_SERVERS,
      store: this.#servers,
      isRelevant: (before, after) => this.#isRelevant(before, after),
      onKey: (key, cause) => {
        onKey(key, cause);
        if (cause === 'deleted' || cause === 'vanished') this.#tellRivals(key);
      },
    };
    this.#reflector = new ReflectorGroup(reflect, options.namespaces);
    this.references = new ClusterReferences({
      ...options,
      onService: (service) => this.#tellUsers('service', service, onKey),
      onEndpoints: (service) => this.#tellUsers('service', service, onEndpoints),
      onNamespaces: () => this.#tellUsers('selectsNamespaces', 'yes', onKey),
    });
  }

  /** Lists and watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#reflector.run(signal), this.references.run(signal)]);
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
    return this.#reflector.hasSynced;
  }

  freshAtMs(): number | undefined {
    return this.#reflector.freshAtMs;
  }

  covers(namespace: string): boolean {
    const { namespaces } = this.#options;
    return namespaces.length === 0 || namespaces.includes(namespace);
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

  async addFinalizer(object: SourcedServer, signal: AbortSignal): Promise<boolean> {
    const { api, requireLeadership } = this.#options;
    requireLeadership();
    const now = await addFinalizer({ api, resource: MCP2_SERVERS, object, finalizer: FINALIZER, signal });
    return now !== undefined && now.metadata.deletionTimestamp === undefined;
  }

  async removeFinalizer(object: SourcedServer, signal: AbortSignal): Promise<void> {
    const { api, requireLeadership } = this.#options;
    requireLeadership();
    await removeFinalizer({ api, resource: MCP2_SERVERS, object, finalizer: FINALIZER, signal });
  }

  statusOf(server: SourcedServer): Mcp2ServerStatus | undefined {
    return this.#options.statusWriter.latest(server as WithStatus) as Mcp2ServerStatus | undefined;
  }

  async writeStatus(server: SourcedServer, status: Mcp2ServerStatus, signal: AbortSignal): Promise<void> {
    this.#options.requireLeadership();
    this.#ownStatuses.wrote(server, status);
    await this.#options.statusWriter.write(server as WithStatus, { ...status }, signal);
  }

  recordEvent(server: SourcedServer, event: ResourceEvent): void {
    const regarding = { apiVersion: 'mcp2.dev/v1alpha1', kind: MCP2_SERVERS.kind, ...server };
    const { message, ...rest } = event;
    this.#options.events.record({ ...rest, regarding, action: 'Reconcile', note: message });
  }

  /** A finalizer that came is our own doing or somebody else's affair; one of ours that went is put back. */
  #isRelevant(before: SourcedServer, after: SourcedServer): boolean {
    const facts = ({ metadata }: SourcedServer) => [
      metadata.uid,
      metadata.generation,
      metadata.deletionTimestamp,
      metadata.annotations,
    ];
    const isHeld = ({ metadata }: SourcedServer) => metadata.finalizers?.includes(FINALIZER) === true;
    if (isHeld(before) && !isHeld(after)) return true;
    return canonicalJson(facts(before)) !== canonicalJson(facts(after)) || this.#ownStatuses.isForeign(before, after);
  }

  #tellUsers(index: string, value: string, tell: (key: string, cause: ChangeCause) => void): void {
    for (const server of this.#servers.byIndex(index, value)) tell(keyOf(server), 'changed');
  }

  /** A name became free: whoever waits for it may have it now. */
  #tellRivals(key: string): void {
    const removed = this.#servers.removed(key)?.object;
    if (!removed) return;
    for (const claimant of this.claimants(askedName(removed))) this.#options.onKey(keyOf(claimant), 'changed');
  }
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
  return typeof name === 'string' ? [formatKey({ namespace: server.metadata.namespace, name })] : [];
}

function selectsNamespaces(server: SourcedServer): boolean {
  return specOf(server).registration?.visibility?.from === 'Selector';
}
