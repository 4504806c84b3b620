/**
 * Where Mcp2Server resources come from: the API server, or YAML files in standalone mode. The reconcile core knows
 * only this.
 *
 * Reads are synchronous and from memory; writes go to whoever owns the resource. A resource that vanished without
 * ever being seen with a deletionTimestamp is no longer listed, but nothing is concluded from that: the sweeper asks
 * `isGone` first.
 */
import type { KubeObject } from '#lib/kube/object.ts';
import type { EndpointSlice, Service } from '../server/endpoints.ts';
import type { Mcp2ServerStatus } from '../server/resource.ts';

/** A resource as it was read: metadata is sound, spec and status are unchecked. */
export interface SourcedServer extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface ResourceEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, for machines. */
  readonly reason: string;
  /** What happened and what to do, for people. */
  readonly message: string;
}

/** Every method that returns a promise may reject with the source's own error; the controller classifies it. */
export interface ResourceSource {
  get(key: string): SourcedServer | undefined;
  all(): Iterable<SourcedServer>;
  /** Resources that ask for this server name, compared under ASCII case folding. */
  claimants(serverName: string): readonly SourcedServer[];
  hasSynced(): boolean;
  /** When this knowledge was last known to be current, by `clock.monotonicMs()`; undefined before the first list. */
  freshAtMs(): number | undefined;
  /** False for a namespace that is not looked at: what is registered of it is left alone. */
  covers(namespace: string): boolean;
  /** A live read: no resource of this name and uid exists any more. False when that cannot be told. */
  isGone(resource: { readonly namespace: string; readonly name: string; readonly uid: string }): Promise<boolean>;
  /** @returns false when the resource is gone or being deleted: then it must not be registered any more. */
  addFinalizer(resource: SourcedServer, signal: AbortSignal): Promise<boolean>;
  removeFinalizer(resource: SourcedServer, signal: AbortSignal): Promise<void>;
  /** The newest status known; a watch may be behind our own last write. */
  statusOf(resource: SourcedServer): Mcp2ServerStatus | undefined;
  /** Writes only when something changed. */
  writeStatus(resource: SourcedServer, status: Mcp2ServerStatus, signal: AbortSignal): Promise<void>;
  /** Never rejects and never waits. */
  recordEvent(resource: SourcedServer, event: ResourceEvent): void;
}

/** The operator has no right to read what a resource refers to. */
export class ReferenceNotPermitted extends Error {
  /** For people: `ConfigMap "mesh-ca"`. */
  readonly what: string;

  constructor(what: string) {
    super(`the operator may not read ${what}`);
    this.name = 'ReferenceNotPermitted';
    this.what = what;
  }
}

/** What a resource points at in the cluster; files have none of it. */
export interface References {
  hasSynced(): boolean;
  service(namespace: string, name: string): Service | undefined;
  endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
  /** Names of the namespaces that carry all these labels. */
  namespacesMatching(labels: Readonly<Record<string, string>>): readonly string[];
  /** The text under `key` of a ConfigMap; undefined when there is none. @throws ReferenceNotPermitted */
  configMapText(namespace: string, name: string, key: string, signal: AbortSignal): Promise<string | undefined>;
}

/** For standalone mode: nothing can be referred to. */
export function noReferences(): References {
  return {
    hasSynced: () => true,
    service: () => undefined,
    endpointSlices: () => [],
    namespacesMatching: () => [],
    configMapText: async () => undefined,
  };
}
