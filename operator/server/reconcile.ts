/**
 * One visit of one resource: read everything from memory, plan, write Discovery, read back, write the status.
 *
 * Idempotent and without memory of what led here. A resource that is simply not listed any more is left to the
 * sweeper: only a deletionTimestamp, or a 404 of the API server itself, removes a registration.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Keys } from '#lib/store/keys.ts';
import { decodeServerRecord, describeOwner, type Owner, sameOwner } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import type { ReconcileResult } from '../controller.ts';
import type { Mirror } from '../discovery/mirror.ts';
import type { RecordWriter } from '../discovery/writer.ts';
import { isStoreAway } from '../discovery/writer.ts';
import type { References, ResourceSource, SourcedServer } from '../source/source.ts';
import { holderOf } from './claim.ts';
import { type Desired, desiredRecord } from './desired.ts';
import type { Handshake } from './handshake.ts';
import type { Observation, RegistrationState } from './observation.ts';
import { targetsOf } from './probe-targets.ts';
import type { Prober } from './prober.ts';
import { ReadySince } from './ready-since.ts';
import { type Resolved, resolve } from './resolve.ts';
import { FINALIZER, type Mcp2Server, type ParseMcp2Server, serverNameOf } from './resource.ts';
import { type Settled, settle } from './settle.ts';
import { buildStatus, flips, type StatusInput } from './status.ts';
import { needsHandshake } from './verdicts.ts';
import { visibilityOf } from './visibility.ts';

/** Removes the finalizer without touching Discovery: the documented way out when the store is gone for good. */
export const FORCE_FINALIZE = 'mcp2.dev/force-finalize';
const CA_BUNDLE_RECHECK_MS = 300_000;
/** A write that is not seen by our own watch within this is looked at again later. */
const READ_BACK_TIMEOUT_MS = 2000;

export interface ReconcilerOptions {
  readonly source: ResourceSource;
  readonly references: References;
  readonly store: Store;
  readonly keys: Keys;
  readonly mirror: Mirror;
  readonly writer: RecordWriter;
  readonly prober: Prober;
  readonly handshake: Handshake;
  readonly parse: ParseMcp2Server;
  /** Standalone mode only. */
  readonly allowLoopback: boolean;
  readonly installation: string;
  /** PEM of the control plane's own CA: the default for Service sources. */
  readonly controlPlaneCa: () => string | undefined;
  readonly clock: Clock;
  /** A record of ours was changed or removed by somebody else, and is repaired. */
  readonly onDrift: () => void;
}

interface Visit {
  readonly key: string;
  readonly server: SourcedServer;
  readonly signal: AbortSignal;
}

export class ServerReconciler {
  readonly #options: ReconcilerOptions;
  readonly #readySince = new ReadySince();
  readonly #lastWrittenHash = new Map<string, string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @throws FencedError, KeyContendedError, ServiceError of the store, errors of the source. */
  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const server = this.#options.source.get(key);
    if (!server) {
      this.#forget(key);
      return {};
    }
    const visit = { key, server, signal };
    if (server.metadata.deletionTimestamp !== undefined) return this.#deregister(visit);
    if (!server.metadata.finalizers?.includes(FINALIZER)) await this.#options.source.addFinalizer(server, signal);
    const parsed = this.#parse(server);
    if (!parsed.ok) {
      await this.#writeStatus(visit, { observation: { ...nothingSeen(server), parsed } });
      return {};
    }
    return this.#register(visit, parsed.ok);
  }

  /** For a store that has been away for long: says so in the status of a resource that waits for it. */
  async reportUnavailable(key: string, signal: AbortSignal): Promise<void> {
    const server = this.#options.source.get(key);
    if (!server || server.metadata.deletionTimestamp !== undefined) return;
    const parsed = this.#parse(server);
    const resolved = parsed.ok && (await resolve(parsed.ok, this.#options.references, signal));
    const observation: Observation = {
      ...nothingSeen(server),
      parsed,
      ...(resolved ? { references: resolved.references, endpoints: count(resolved) } : {}),
      registration: { kind: 'unavailable' },
    };
    await this.#writeStatus({ key, server, signal }, { observation });
  }

  #parse(server: SourcedServer) {
    return this.#options.parse(server, { allowLoopback: this.#options.allowLoopback, ignoreUnknownFields: true });
  }

  async #register(visit: Visit, resource: Mcp2Server): Promise<ReconcileResult> {
    const { source, references, prober } = this.#options;
    const { key, server, signal } = visit;
    const holder = holderOf(source.claimants(serverNameOf(resource)));
    const isHolder = holder === undefined || holder.metadata.uid === server.metadata.uid;
    const resolved = await resolve(resource, references, signal);
    const observation = {
      ...nothingSeen(server),
      parsed: { ok: resource },
      references: resolved.references,
      endpoints: count(resolved),
    };
    if (!isHolder) {
      prober.forget(key);
      await this.#withdraw(visit, resource);
      const nameHolder = describeOwner(this.#ownerOf(holder));
      await this.#writeStatus(visit, { observation: { ...observation, nameHolder } });
      return {};
    }
    return this.#advertise(visit, { resource, resolved, observation });
  }

  async #advertise(
    visit: Visit,
    { resource, resolved, observation }: { resource: Mcp2Server; resolved: Resolved; observation: Observation },
  ): Promise<ReconcileResult> {
    const { clock, prober } = this.#options;
    const { key } = visit;
    this.#readySince.update(key, resolved.candidates, clock.monotonicMs());
    this.#probe(visit, resource, resolved);
    const desired = this.#desired(visit, resource, resolved);
    const outcome = await this.#settle(visit, desired);
    if (outcome.kind === 'conflict') {
      prober.forget(key);
      await this.#writeStatus(visit, { observation: { ...observation, nameHolder: outcome.holder } });
      return { requeueAfterMs: 60_000 };
    }
    const verdicts = resolved.candidates.map(({ instanceId }) => prober.verdict(key, instanceId));
    const seen: Observation = {
      ...observation,
      handshakes: this.#handshakes(key, desired, resolved),
      card: verdicts.some(({ card }) => card) && needsHandshake(resource.spec) ? desired.advertisement : undefined,
      registration: outcome.state,
    };
    const registered =
      outcome.revision === undefined ? {} : { registered: { record: desired.record, revision: outcome.revision } };
    await this.#writeStatus(visit, {
      observation: seen,
      ...registered,
      advertisement: desired.advertisement,
      verdicts,
    });
    if (outcome.state.kind === 'unavailable') return { requeueAfterMs: 1000 };
    // ConfigMaps are not watched, so a changed CA is found by looking again.
    const againMs = resource.spec.tls.caBundleRef ? CA_BUNDLE_RECHECK_MS : undefined;
    return { requeueAfterMs: desired.settlesInMs ?? againMs };
  }

  #probe({ key, server }: Visit, resource: Mcp2Server, resolved: Resolved): void {
    const { prober, handshake, controlPlaneCa } = this.#options;
    if (!needsHandshake(resource.spec)) {
      prober.forget(key);
      return;
    }
    const held = this.#held(serverNameOf(resource), this.#ownerOf(server))?.record;
    const ca = resolved.caBundle ?? (resource.spec.source.service ? controlPlaneCa() : undefined);
    prober.update(key, targetsOf({ resource, resolved, held, ca, handshake }), resource.spec.readiness.probe);
  }

  #desired({ key, server }: Visit, resource: Mcp2Server, resolved: Resolved): Desired {
    const { prober, references, clock } = this.#options;
    const owner = this.#ownerOf(server);
    const nowMs = clock.monotonicMs();
    return desiredRecord({
      resource,
      owner,
      candidates: resolved.candidates,
      tlsServerName: resolved.tlsServerName,
      visibility: visibilityOf(resource, (labels) => references.namespacesMatching(labels)),
      held: this.#held(serverNameOf(resource), owner)?.record,
      verdictOf: (instanceId) => prober.verdict(key, instanceId),
      readyForMs: (instanceId) => this.#readySince.readyForMs(key, instanceId, nowMs),
    });
  }

  async #settle(
    { key, server, signal }: Visit,
    { record }: Desired,
  ): Promise<
    | { readonly kind: 'conflict'; readonly holder: string }
    | { readonly kind: 'settled'; readonly state: RegistrationState; readonly revision?: number }
  > {
    const { keys, mirror, writer, onDrift } = this.#options;
    const recordKey = keys.server(record.name);
    let settled: Settled;
    try {
      const lastWrittenHash = this.#lastWrittenHash.get(key);
      const held = mirror.get(recordKey);
      settled = await settle({ writer, key: recordKey, owner: record.owner, desired: record, held, lastWrittenHash });
    } catch (error) {
      if (!(error instanceof ServiceError) || isStoreAway(error)) throw error;
      return { kind: 'settled', state: { kind: 'rejected', detail: error.message } };
    }
    if (settled.kind === 'conflict') return settled;
    if (settled.kind === 'absent') throw new Error(`settling ${server.metadata.name} left nothing`);
    if (settled.drift) onDrift();
    this.#lastWrittenHash.set(key, record.hash);
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(READ_BACK_TIMEOUT_MS)]);
    const reached = await mirror.reaches(settled.revision, timeout);
    const isReadBack = reached && mirror.get(recordKey)?.record?.hash === record.hash;
    const { revision } = settled;
    return { kind: 'settled', revision, state: isReadBack ? { kind: 'read-back', revision } : { kind: 'unavailable' } };
  }

  #handshakes(key: string, { record }: Desired, { candidates }: Resolved): Observation['handshakes'] {
    const { prober } = this.#options;
    const serving = record.endpoints.filter(({ health }) => health === 'SERVING').length;
    const ready = candidates.filter(({ state }) => state === 'ready');
    const verdicts = ready.map(({ instanceId, url }) => ({ url, ...prober.verdict(key, instanceId) }));
    const failed = verdicts.flatMap(({ url, failure }) => (failure ? [{ url, ...failure }] : []));
    return { serving, pending: Math.max(0, ready.length - serving - failed.length), failed };
  }

  async #deregister(visit: Visit): Promise<ReconcileResult> {
    const { source } = this.#options;
    const { key, server, signal } = visit;
    if (!server.metadata.finalizers?.includes(FINALIZER)) {
      this.#forget(key);
      return {};
    }
    if (server.metadata.annotations?.[FORCE_FINALIZE] !== 'true') await this.#removeRecords(visit);
    await source.removeFinalizer(server, signal);
    this.#forget(key);
    return {};
  }

  /** Everything of this owner: the key of its name as the store itself has it, and what else the mirror knows. */
  async #removeRecords({ server }: Visit): Promise<void> {
    const { store, keys, mirror, writer } = this.#options;
    const owner = this.#ownerOf(server);
    const found = new Set(
      [...mirror.all()].filter(({ record }) => record && sameOwner(record.owner, owner)).map(({ key }) => key),
    );
    const parsed = this.#parse(server);
    if (parsed.ok) found.add(keys.server(serverNameOf(parsed.ok)));
    for (const key of found) {
      const { entry } = await store.get(key);
      const held = entry && { modRevision: entry.modRevision, record: decodeServerRecord(entry.value) };
      await settle({ writer, key, owner, desired: undefined, held, lastWrittenHash: undefined });
    }
  }

  /** Takes our own record away from a name that an older resource holds. */
  async #withdraw({ key, server }: Visit, resource: Mcp2Server): Promise<void> {
    const { writer, keys } = this.#options;
    const owner = this.#ownerOf(server);
    const name = serverNameOf(resource);
    const held = this.#held(name, owner);
    if (held)
      await settle({ writer, key: keys.server(name), owner, desired: undefined, held, lastWrittenHash: undefined });
    this.#lastWrittenHash.delete(key);
  }

  /** What Discovery holds under a name, when it is ours. */
  #held(serverName: string, owner: Owner) {
    const held = this.#options.mirror.get(this.#options.keys.server(serverName));
    return held?.record && sameOwner(held.record.owner, owner) ? held : undefined;
  }

  #ownerOf({ metadata }: SourcedServer): Owner {
    const { namespace = '', name, uid = '' } = metadata;
    return { manager: 'mcp2-operator', installation: this.#options.installation, namespace, name, uid };
  }

  async #writeStatus(
    { server, signal }: Visit,
    seen: Partial<StatusInput> & Pick<StatusInput, 'observation'>,
  ): Promise<void> {
    const { source, clock } = this.#options;
    const previous = source.statusOf(server);
    const { parsed } = seen.observation;
    const status = buildStatus({
      previous,
      serverName: parsed?.ok ? serverNameOf(parsed.ok) : (previous?.serverName ?? server.metadata.name),
      registered: undefined,
      advertisement: undefined,
      verdicts: [],
      nowMs: clock.nowMs(),
      ...seen,
    });
    await source.writeStatus(server, status, signal);
    for (const { condition } of flips(previous?.conditions ?? [], status.conditions ?? [])) {
      const type = condition.status === 'False' ? 'Warning' : 'Normal';
      source.recordEvent(server, {
        type,
        reason: condition.reason,
        message: `${condition.type} is ${condition.status}: ${condition.message}`,
      });
    }
  }

  #forget(key: string): void {
    this.#options.prober.forget(key);
    this.#readySince.forget(key);
    this.#lastWrittenHash.delete(key);
  }
}

function count({ candidates, total }: Resolved) {
  const ready = candidates.filter(({ state }) => state === 'ready').length;
  return { ready, draining: candidates.length - ready, total };
}

function nothingSeen({ metadata }: SourcedServer): Observation {
  return {
    generation: metadata.generation ?? 1,
    deleting: metadata.deletionTimestamp !== undefined,
    parsed: undefined,
    nameHolder: undefined,
    denial: undefined,
    references: undefined,
    endpoints: undefined,
    handshakes: undefined,
    card: undefined,
    registration: undefined,
  };
}
