/**
 * Granting and revoking leases, both such that a lost reply can be repeated.
 */
import { randomBytes } from 'node:crypto';
import { EtcdLeaseInvalidError, GRPCFailedPreconditionError } from 'etcd3';
import type { Lease } from '../store.ts';
import type { EtcdCalls } from './calls.ts';
import { CallFailure } from './members.ts';

/** The id is ours: when a first attempt was applied and its reply lost, the next is answered "exists already". */
export async function grantLease(calls: EtcdCalls, ttlSeconds: number): Promise<Lease> {
  const id = newLeaseId();
  const granted = await calls.repeat(async ({ calls: { leaseClient } }, options) => {
    const grant = await leaseClient
      .leaseGrant({ ID: id, TTL: ttlSeconds }, options)
      .catch(ignoring(GRPCFailedPreconditionError));
    return grant?.TTL ?? (await leaseClient.leaseTimeToLive({ ID: id }, options)).grantedTTL;
  });
  return { id, ttlSeconds: Number(granted) };
}

export async function revokeLease(calls: EtcdCalls, leaseId: string): Promise<void> {
  await calls.repeat(({ calls: { leaseClient } }, options) =>
    leaseClient.leaseRevoke({ ID: leaseId }, options).catch(ignoring(EtcdLeaseInvalidError)),
  );
}

function ignoring(expected: new (...args: never[]) => Error): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof CallFailure && error.cause instanceof expected) return undefined;
    throw error;
  };
}

/** A positive int64 in decimal. */
function newLeaseId(): string {
  return String((randomBytes(8).readBigUInt64BE() & 0x7fff_ffff_ffff_fffen) + 1n);
}
