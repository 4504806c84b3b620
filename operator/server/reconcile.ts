/**
 * One visit of one resource: read everything from memory, plan, write Discovery, read back, write the status.
 *
 * Idempotent and without memory of what led here. A resource that is simply not listed any more is left to the
 * sweeper: only a deletionTimestamp, or a 404 of the API server itself, removes a registration.
 */

import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import { keyOf } from '#lib/kube/object.ts';
import type { Keys } from '#lib/store/keys.ts';
import type { Owner } from '#lib/store/owner.ts';
import { type ServerRecord, sameOwner } from '#lib/store/servers.ts';
import type { Revision, Store } from '#lib/store/store.ts';
import type { ReconcileResult } from '../controller.ts';
import type { Mirror } from '../discovery/mirror.ts';
import type { RecordWriter } from '../discovery/writer.ts';
import type { References, ResourceSource, SourcedServer } from '../source/source.ts';
import { isForced } from './away.ts';
import { holderOf } from './claim.ts';
import { countEndpoints, countHandshakes, nothingSeen } from './count.ts';
import { type Desired, desiredRecord } from './desired.ts';
import type { Handshake } from './handshake.ts';
import type { Observation } from './observation.ts';
import { describeHolder } from './plan.ts';
import { targetsOf } from './probe-targets.ts';
import type { Prober, Verdict } from './prober.ts';
import { ReadySince } from './ready-since.ts';
import { removeRecords } from './removal.ts';
import { type Resolved, resolve } from './resolve.ts';
import { FINALIZER, type Mcp2Server, type ParseMcp2Server, serverNameOf } from './resource.ts';
import { type Settled, settle } from './settle.ts';
import { rememberedComparison } from './status.ts';
import { StatusReporter } from './status-reporter.ts';
import { needsHandshake } from './verdicts.ts';
import { visibilityOf } from './visibility.ts';

/** ConfigMaps are not watched, so a changed CA is found by looking again. */
const CA_BUNDLE_RECHECK_MS = 300_000;
/** Somebody is likely to be putting it right just now. */
const BAD_CA_BUNDLE_RECHECK_MS = 6_000;
/** A name that somebody else holds: the mirror tells when it is free, this only makes sure. */
const CONFLICT_RECHECK_MS = 60_000;
/** A write that is not seen by our own watch within this is looked at again soon. */
const READ_BACK_TIMEOUT_MS = 2000;
const READ_BACK_RETRY_MS = 500;

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
  /** Until a write that is not read back is called a store that is away. */
  readonly unavailableAfterMs: number;
  /** A record of ours was changed or removed by somebody else, and is repaired. */
  readonly onDrift: () => void;
  /** A resource other than the visited one has to be visited too. */
  readonly lookAgain: (key: string) => void;
  /** A record was written and read back. */
  readonly onRegistered: (key: string) => void;
}

interface Visit {
  readonly key: string;
  readonly server: SourcedServer;
  readonly signal: AbortSignal;
}

type Outcome =
  | { readonly kind: 'conflict'; readonly holder: string }
  | { readonly kind: 'rejected'; readonly detail: string }
  | { readonly kind: 'registered'; readonly revision: number; readonly isReadBack: boolean };

export class ServerReconciler {
  readonly #options: ReconcilerOptions;
  readonly #reporter: StatusReporter;
  readonly #readySince = new ReadySince();
  /** Of the last write, or of the record that was found to be right. */
  readonly #revisions = new Map<string, Revision>();
  /** Since when the newest write of a resource has not come back. */
  readonly #unseenSinceMs = new Map<string, number>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#reporter = new StatusReporter(options);
  }

  /** @throws FencedError, KeyContendedError, ServiceError of the store, errors of the source. */
  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { source } = this.#options;
    const server = source.get(key);
    if (!server) {
      this.#forget(key);
      return {};
    }
    const visit = { key, server, signal };
    if (server.metadata.deletionTimestamp !== undefined) return this.#deregister(visit);
    if (!server.metadata.finalizers?.includes(FINALIZER) && !(await source.addFinalizer(server, signal))) return {};
    const parsed = this.#parse(server);
    if (parsed.ok) return this.#register(visit, parsed.ok);
    await this.#reporter.report(server, { observation: { ...nothingSeen(server), parsed } }, signal);
    return {};
  }

  /** True while the newest write of a resource has not come back to us. */
  isUnseen(key: string): boolean {
    return this.#unseenSinceMs.has(key);
  }

  #parse(server: SourcedServer) {
    return this.#options.parse(server, { allowLoopback: this.#options.allowLoopback, ignoreUnknownFields: true });
  }

  async #register(visit: Visit, resource: Mcp2Server): Promise<ReconcileResult> {
    const { source, references, prober, writer, keys } = this.#options;
    const { key, server, signal } = visit;
    const holder = holderOf(source.claimants(serverNameOf(resource)));
    const resolved = await resolve(resource, references, signal);
    const observation: Observation = {
      ...nothingSeen(server),
      parsed: { ok: resource },
      references: resolved.references,
      endpoints: countEndpoints(resolved),
    };
    if (holder === undefined || holder.metadata.uid === server.metadata.uid) {
      return this.#advertise(visit, { resource, resolved, observation });
    }
    // An older resource asks for the same name: what we hold under it is taken back.
    prober.forget(key);
    const [name, owner] = [serverNameOf(resource), this.#ownerOf(server)];
    const held = this.#held(name, owner);
    const nothing = { desired: undefined, knownRevision: undefined };
    if (held) await settle({ writer, key: keys.server(name), owner, held, ...nothing });
    this.#revisions.delete(key);
    const nameHolder = describeHolder(this.#ownerOf(holder), owner);
    await this.#reporter.report(server, { observation: { ...observation, nameHolder } }, signal);
    return {};
  }

  async #advertise(visit: Visit, { resource, resolved, observation }: Seen): Promise<ReconcileResult> {
    const { clock, prober } = this.#options;
    const { key, server, signal } = visit;
    const held = this.#held(serverNameOf(resource), this.#ownerOf(server))?.record;
    this.#readySince.update(key, resolved.candidates, { nowMs: clock.monotonicMs(), isRegistered: held !== undefined });
    this.#probe(key, { resource, resolved, held });
    const verdicts = new Map(resolved.candidates.map((one) => [one.instanceId, prober.verdict(key, one.instanceId)]));
    const desired = this.#desired(visit, { resource, resolved, held, verdicts });
    const outcome = await this.#settle(visit, desired);
    if (outcome.kind === 'conflict') {
      prober.forget(key);
      this.#tellRivals(server, serverNameOf(resource));
      const conflict = { observation: { ...observation, nameHolder: outcome.holder } };
      await this.#reporter.report(server, conflict, signal);
      return { requeueAfterMs: CONFLICT_RECHECK_MS };
    }
    if (outcome.kind === 'registered' && !outcome.isReadBack) return this.#waitForReadBack(visit, observation);
    this.#unseenSinceMs.delete(key);
    const { record } = desired;
    const seen: Observation = {
      ...observation,
      endpoints: countEndpoints(resolved, { resource, record }),
      handshakes: countHandshakes(resolved, { record, verdicts }),
      card: this.#compared(visit, resource, desired),
    };
    const shown = { verdicts: desired.isProved ? [...verdicts.values()] : [] };
    if (outcome.kind === 'rejected') {
      await this.#reporter.report(server, { observation: { ...seen, registration: outcome }, ...shown }, signal);
      return {};
    }
    const { revision } = outcome;
    const registration = { kind: 'read-back' as const, revision };
    const found = { observation: { ...seen, registration }, registered: { record, revision }, ...shown };
    await this.#reporter.report(server, found, signal);
    return { requeueAfterMs: desired.settlesInMs ?? recheckMs(resource, seen) };
  }

  #compared({ server }: Visit, { spec }: Mcp2Server, { isProved, advertisement, record }: Desired) {
    if (!needsHandshake(spec)) return undefined;
    if (isProved) return advertisement;
    const { cardDigest } = record;
    const { generation = 1 } = server.metadata;
    return rememberedComparison(this.#options.source.statusOf(server), { generation, cardDigest });
  }

  /** The write stands, but our own watch has not brought it: nothing is said before it does, or for too long. */
  async #waitForReadBack({ key, server, signal }: Visit, observation: Observation): Promise<ReconcileResult> {
    const { clock, unavailableAfterMs } = this.#options;
    const sinceMs = this.#unseenSinceMs.get(key) ?? clock.monotonicMs();
    this.#unseenSinceMs.set(key, sinceMs);
    if (clock.monotonicMs() - sinceMs >= unavailableAfterMs) {
      const away = { ...observation, registration: { kind: 'unavailable' as const } };
      await this.#reporter.reportAway(server, away, signal);
    }
    return { requeueAfterMs: READ_BACK_RETRY_MS };
  }

  /** The name is ours by age; a younger resource that was faster gives it back when it is looked at. */
  #tellRivals({ metadata }: SourcedServer, serverName: string): void {
    const { source, lookAgain } = this.#options;
    for (const rival of source.claimants(serverName)) {
      if (rival.metadata.uid !== metadata.uid) lookAgain(keyOf(rival));
    }
  }

  #probe(key: string, { resource, resolved, held }: Found): void {
    const { prober, handshake, controlPlaneCa } = this.#options;
    if (!needsHandshake(resource.spec) || resolved.lacksCaBundle) {
      prober.forget(key);
      return;
    }
    const ca = resolved.caBundle ?? (resource.spec.source.service ? controlPlaneCa() : undefined);
    prober.update(key, targetsOf({ resource, resolved, held, ca, handshake }), resource.spec.readiness.probe);
  }

  #desired({ key, server }: Visit, { resource, resolved, held, verdicts }: Found & Verdicts): Desired {
    const { references, clock } = this.#options;
    const owner = this.#ownerOf(server);
    const nowMs = clock.monotonicMs();
    return desiredRecord({
      resource,
      owner,
      candidates: resolved.candidates,
      tlsServerName: resolved.tlsServerName,
      visibility: visibilityOf(resource, (labels) => references.namespacesMatching(labels)),
      held,
      verdictOf: (instanceId) => verdicts.get(instanceId) ?? { verified: undefined },
      readyForMs: (instanceId) => this.#readySince.readyForMs(key, instanceId, nowMs),
    });
  }

  async #settle({ key, server, signal }: Visit, { record }: Desired): Promise<Outcome> {
    const { keys, mirror, writer, onDrift, onRegistered } = this.#options;
    const recordKey = keys.server(record.name);
    const { owner } = record;
    const [held, knownRevision] = [mirror.get(recordKey), this.#knownRevision(key, server)];
    let settled: Settled;
    try {
      settled = await settle({ writer, key: recordKey, owner, desired: record, held, knownRevision });
    } catch (error) {
      const isRefused = hasReason(error, 'LIMIT_EXCEEDED') || hasReason(error, 'ARGUMENT_INVALID');
      if (!isRefused) throw error;
      return { kind: 'rejected', detail: error.message };
    }
    if (settled.kind === 'conflict') return settled;
    if (settled.kind === 'absent') throw new Error(`settling ${server.metadata.name} left nothing`);
    if (settled.drift) onDrift();
    this.#revisions.set(key, settled.revision);
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(READ_BACK_TIMEOUT_MS)]);
    const isReached = await mirror.reaches(settled.revision, timeout);
    signal.throwIfAborted();
    const isReadBack = isReached && mirror.get(recordKey)?.record?.hash === record.hash;
    if (isReadBack && (settled.wrote || this.isUnseen(key))) onRegistered(key);
    return { kind: 'registered', revision: settled.revision, isReadBack };
  }

  /** Also for a resource without our finalizer: its records must go, whoever holds it back. */
  async #deregister({ key, server, signal }: Visit): Promise<ReconcileResult> {
    const { source } = this.#options;
    if (!isForced(server)) {
      const parsed = this.#parse(server);
      await removeRecords(this.#options, {
        owner: this.#ownerOf(server),
        serverName: parsed.ok && serverNameOf(parsed.ok),
        knownRevision: this.#knownRevision(key, server),
      });
    }
    await source.removeFinalizer(server, signal);
    this.#forget(key);
    return {};
  }

  /** Of our last write; the status remembers it across restarts. */
  #knownRevision(key: string, server: SourcedServer): Revision | undefined {
    const said = this.#options.source.statusOf(server)?.registration?.revision;
    return this.#revisions.get(key) ?? (said === undefined ? undefined : Number(said));
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

  #forget(key: string): void {
    this.#options.prober.forget(key);
    this.#readySince.forget(key);
    this.#revisions.delete(key);
    this.#unseenSinceMs.delete(key);
  }
}

/** By instance, as they were when the visit began: the record and the status must tell the same. */
interface Verdicts {
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

interface Seen {
  readonly resource: Mcp2Server;
  readonly resolved: Resolved;
  readonly observation: Observation;
}

interface Found {
  readonly resource: Mcp2Server;
  readonly resolved: Resolved;
  /** What Discovery holds under the name, when it is ours. */
  readonly held: ServerRecord | undefined;
}

function recheckMs({ spec }: Mcp2Server, { references, handshakes }: Observation): number | undefined {
  if (!spec.tls.caBundleRef) return undefined;
  const isBad = references?.kind !== 'resolved' || handshakes?.failed.some(({ reason }) => reason === 'TLSFailed');
  return isBad ? BAD_CA_BUNDLE_RECHECK_MS : CA_BUNDLE_RECHECK_MS;
}
