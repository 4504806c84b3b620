/**
 * Who may write what under a name: the first owner keeps it, and each instance belongs to whoever holds its lease token.
 *
 * Pure decisions on what the store holds; the writes compare the revisions that the decision was made on.
 */
import { quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import type { InstanceRecord } from '#lib/store/instances.ts';
import { describeOwner } from '#lib/store/owner.ts';
import { MAX_ENDPOINTS, type ServerRecord } from '#lib/store/servers.ts';
import { isLeaseToken } from './lease-token.ts';
import type { Stored } from './registration-table.ts';

/** What the store holds under a server's key. */
export type HeldName = Stored<ServerRecord> | 'free' | 'unreadable';

export interface Claimant {
  readonly serverName: string;
  readonly sub: string;
  /** Holds `registry:takeover:<name>`. */
  readonly mayTakeOver: boolean;
}

/** @throws ServiceError NAME_TAKEN that names the owner: a claim reveals it anyway. */
export function requireOwnable(held: HeldName, { serverName, sub, mayTakeOver }: Claimant): void {
  if (held === 'free') return;
  if (held === 'unreadable') throw nameTaken(serverName, 'a record that this version cannot read');
  const { name, owner } = held.record;
  if (owner.manager !== 'register' || (owner.sub !== sub && !mayTakeOver)) {
    throw nameTaken(serverName, describeOwner(owner));
  }
  if (owner.sub === sub && name !== serverName) {
    const message = `you registered this name as ${quote(name)}; names are unique whatever their case, so use that one`;
    throw new ServiceError('NAME_TAKEN', message, { metadata: { owner: sub, name } });
  }
}

/** For an instance that exists: without its server record it cannot be found. @throws ServiceError NAME_TAKEN */
export function requireOwner(held: HeldName, serverName: string, sub: string): void {
  if (held === 'free') throw instanceUnknown();
  requireOwnable(held, { serverName, sub, mayTakeOver: false });
}

/** @throws ServiceError LEASE_NOT_YOURS */
export function requireLease(instance: InstanceRecord, sub: string, leaseToken: Uint8Array): void {
  if (instance.sub === sub && isLeaseToken(leaseToken, instance.leaseTokenHash)) return;
  const message = 'the lease token is not the one of this instance; present the lease_token of its registration';
  throw new ServiceError('LEASE_NOT_YOURS', message);
}

export interface InstanceClaim {
  readonly sub: string;
  readonly url: string;
  /** "" for a new instance, or for the one at this address. */
  readonly instanceId: string;
  readonly leaseToken: Uint8Array;
}

export interface InstanceChoice {
  /** The instance that the new record replaces. */
  readonly replaced: Stored<InstanceRecord> | undefined;
  /** Others of this owner at the same address, which go. */
  readonly duplicates: readonly Stored<InstanceRecord>[];
}

/**
 * Which instance a registration renews. A client that knows only Register renews by registering the same address
 * again; with an instance id it needs that instance's lease token.
 *
 * @throws ServiceError INSTANCE_UNKNOWN, LEASE_NOT_YOURS, or LIMIT_EXCEEDED when the server has 1,000 instances
 */
export function chooseInstance(instances: readonly Stored<InstanceRecord>[], claim: InstanceClaim): InstanceChoice {
  const own = instances.filter(({ record }) => record.sub === claim.sub);
  const sameUrl = own.filter(({ record }) => record.endpoint.url === claim.url);
  const replaced = claim.instanceId === '' ? sameUrl[0] : requireInstance(instances, claim);
  const duplicates = sameUrl.filter((instance) => instance !== replaced).slice(0, MAX_DUPLICATES);
  if (replaced === undefined && own.length >= MAX_ENDPOINTS) {
    throw new ServiceError('LIMIT_EXCEEDED', `the server has ${own.length} instances; at most ${MAX_ENDPOINTS}`);
  }
  return { replaced, duplicates };
}

/** Two calls that registered one address at the same moment leave one; more must fit into one transaction. */
const MAX_DUPLICATES = 50;

function requireInstance(instances: readonly Stored<InstanceRecord>[], claim: InstanceClaim): Stored<InstanceRecord> {
  const found = instances.find(({ record }) => record.endpoint.instanceId === claim.instanceId);
  if (found === undefined) throw instanceUnknown();
  requireLease(found.record, claim.sub, claim.leaseToken);
  return found;
}

export function instanceUnknown(): ServiceError {
  return new ServiceError('INSTANCE_UNKNOWN', 'there is no such instance; register again without instance_id');
}

function nameTaken(serverName: string, owner: string): ServiceError {
  const message = `the server name ${quote(serverName)} belongs to ${owner}; choose another name or ask its owner`;
  return new ServiceError('NAME_TAKEN', message, { metadata: { owner } });
}
