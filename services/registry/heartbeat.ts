/**
 * Heartbeat: keeps an instance's lease alive and says how it does. The guard asks for each message, so that a stream never
 * outlives the right to hold it; a fresh token may come with any message.
 *
 * The usual beat costs one keep-alive: the instance is looked up in the index, and only where that says no is the
 * store asked, since the index may be a moment behind.
 */
import { ServiceError } from '#lib/errors.ts';
import type { BidiStreamHandler } from '#lib/grpc/bidi-stream.ts';
import type { InstanceRecord } from '#lib/store/instances.ts';
import type { Health as RecordedHealth } from '#lib/store/servers.ts';
import { LeaseGoneError, type Revision, type Store } from '#lib/store/store.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { Health } from '#protos/generated/mcp2/Health.ts';
import type { HeartbeatRequest__Output } from '#protos/generated/mcp2/HeartbeatRequest.ts';
import type { HeartbeatResponse } from '#protos/generated/mcp2/HeartbeatResponse.ts';
import { isInstanceId } from './lease-token.ts';
import type { ObservedLatency } from './observed-latency.ts';
import { instanceUnknown, requireLease, requireOwner } from './ownership.ts';
import type { RegistrationIndex } from './registration-index.ts';
import { type RegistrationStore, untilDecided } from './registration-store.ts';
import type { Stored } from './registration-table.ts';

export interface HeartbeatDependencies {
  readonly index: RegistrationIndex;
  readonly registrations: RegistrationStore;
  readonly store: Pick<Store, 'keepAlive'>;
  readonly latency: ObservedLatency;
}

/** A stream that carries no beat for longer than the longest lease keeps nothing alive. */
export const HEARTBEAT_SILENCE_MS = 310_000;

const MAX_OBSERVED = 256;
const MAX_LOAD_PERMILLE = 1000;
/** Load is written in steps, because each change is a write that every replica hears of. */
const LOAD_STEP_PERMILLE = 100;

export function createHeartbeat(
  dependencies: HeartbeatDependencies,
): BidiStreamHandler<HeartbeatRequest__Output, HeartbeatResponse> {
  const keeper = new InstanceKeeper(dependencies);
  return async function* heartbeat(requests, call) {
    for await (const request of requests) yield await keeper.beat(request, call.requireCaller());
  };
}

class InstanceKeeper {
  readonly #dependencies: HeartbeatDependencies;

  constructor(dependencies: HeartbeatDependencies) {
    this.#dependencies = dependencies;
  }

  async beat(request: HeartbeatRequest__Output, token: VerifiedToken): Promise<HeartbeatResponse> {
    const { store } = this.#dependencies;
    checkBeat(request);
    const known = this.#findInIndex(request, token) ?? (await this.#readFromStore(request, token));
    const revision = await this.#recordChanges(known, request, token);
    if (known.leaseId === undefined || !(await store.keepAlive(known.leaseId))) throw instanceUnknown();
    this.#observe(token.sub, request.observed_latency_ms);
    return { ttl_seconds: known.record.ttlSeconds, revision };
  }

  /** @returns undefined also when the index refuses: it may not have heard of the latest registration yet. */
  #findInIndex(request: HeartbeatRequest__Output, token: VerifiedToken): Stored<InstanceRecord> | undefined {
    const { server_name: name, instance_id: instanceId, lease_token: leaseToken } = request;
    const { table } = this.#dependencies.index;
    const known = table.instance(name, instanceId);
    if (known === undefined) return undefined;
    try {
      requireOwner(table.server(name) ?? 'free', name, token.sub);
      requireLease(known.record, token.sub, leaseToken);
      return known;
    } catch (error) {
      if (error instanceof ServiceError) return undefined;
      throw error;
    }
  }

  /** @throws ServiceError INSTANCE_UNKNOWN, NAME_TAKEN or LEASE_NOT_YOURS */
  async #readFromStore(request: HeartbeatRequest__Output, token: VerifiedToken): Promise<Stored<InstanceRecord>> {
    const { server_name: name, instance_id: instanceId, lease_token: leaseToken } = request;
    const { held, instance } = await this.#dependencies.registrations.readHeldInstance(name, instanceId);
    if (instance === undefined) throw instanceUnknown();
    requireOwner(held, name, token.sub);
    requireLease(instance.record, token.sub, leaseToken);
    return instance;
  }

  /** @returns the revision of the record's last change. */
  async #recordChanges(
    known: Stored<InstanceRecord>,
    request: HeartbeatRequest__Output,
    token: VerifiedToken,
  ): Promise<Revision> {
    let current: Stored<InstanceRecord> | undefined = known;
    return untilDecided(async () => {
      const seen = current ?? (await this.#readFromStore(request, token));
      current = undefined;
      const changed = withBeat(seen.record, request);
      if (changed === undefined) return seen.modRevision;
      return this.#dependencies.registrations.updateInstance(seen, changed).catch((error: unknown) => {
        throw error instanceof LeaseGoneError ? instanceUnknown() : error;
      });
    });
  }

  /** A server's word about itself does not count, and unknown names are not kept. */
  #observe(sub: string, measured: Readonly<Record<string, number>>): void {
    const { index, latency } = this.#dependencies;
    for (const [serverName, latencyMs] of Object.entries(measured)) {
      const owner = index.table.server(serverName)?.record.owner;
      if (owner === undefined || (owner.manager === 'register' && owner.sub === sub)) continue;
      latency.report(sub, serverName, latencyMs);
    }
  }
}

/** @throws ServiceError ARGUMENT_INVALID, LIMIT_EXCEEDED or INSTANCE_UNKNOWN */
function checkBeat(request: HeartbeatRequest__Output): void {
  const { health, load_permille: loadPermille, instance_id: instanceId, observed_latency_ms: observed } = request;
  if (!isInstanceId(instanceId)) throw instanceUnknown();
  if (HEALTH[health] === undefined) throw new ServiceError('ARGUMENT_INVALID', `health ${health} is unknown`);
  if (loadPermille > MAX_LOAD_PERMILLE) {
    throw new ServiceError('ARGUMENT_INVALID', `load_permille ${loadPermille} is not allowed: use 0 to 1000`);
  }
  const measured = Object.keys(observed).length;
  if (measured > MAX_OBSERVED) {
    const message = `observed_latency_ms has ${measured} entries; at most ${MAX_OBSERVED}`;
    throw new ServiceError('LIMIT_EXCEEDED', message);
  }
}

/** UNKNOWN leaves the health as it is. */
const HEALTH: Readonly<Partial<Record<Health, RecordedHealth | 'as it is'>>> = {
  [Health.HEALTH_UNKNOWN]: 'as it is',
  [Health.HEALTH_SERVING]: 'SERVING',
  [Health.HEALTH_NOT_SERVING]: 'NOT_SERVING',
  [Health.HEALTH_DRAINING]: 'DRAINING',
};

/** @returns undefined when the record says so already. */
function withBeat(record: InstanceRecord, request: HeartbeatRequest__Output): InstanceRecord | undefined {
  const reported = HEALTH[request.health] ?? 'as it is';
  const health = reported === 'as it is' ? record.endpoint.health : reported;
  const loadPermille = Math.round(request.load_permille / LOAD_STEP_PERMILLE) * LOAD_STEP_PERMILLE;
  if (health === record.endpoint.health && loadPermille === record.loadPermille) return undefined;
  return { ...record, loadPermille, endpoint: { ...record.endpoint, health } };
}
