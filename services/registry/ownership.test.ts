import { describe, expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import type { InstanceRecord } from '#lib/store/instances.ts';
import type { Owner } from '#lib/store/owner.ts';
import type { ServerRecord } from '#lib/store/servers.ts';
import { hashLeaseToken } from './lease-token.ts';
import { chooseInstance, type HeldName, requireLease, requireOwnable, requireOwner } from './ownership.ts';
import type { Stored } from './registration-table.ts';

const OPERATOR: Owner = { manager: 'mcp2-operator', installation: 'i', namespace: 'shop', name: 'db', uid: 'u' };
const VISIBILITY = { visibleTo: [], requiredCapabilities: [] };
const SECRET = Buffer.alloc(32, 7);

function held(owner: Owner, name = 'Db'): HeldName {
  const declared = { capabilities: [], tags: {}, version: '', visibility: VISIBILITY, cardDigest: '', hash: '' };
  const record: ServerRecord = { name, owner, ...declared, endpoints: [] };
  return { record, modRevision: 1, leaseId: undefined };
}

function instance(instanceId: string, url: string, sub = 'shop.db'): Stored<InstanceRecord> {
  const endpoint = { instanceId, url, transport: 'UNKNOWN', health: 'SERVING', weight: 100 } as const;
  const declared = { capabilities: [], tags: {}, version: '', visibility: VISIBILITY };
  const lease = { loadPermille: 0, ttlSeconds: 30, leaseTokenHash: hashLeaseToken(SECRET) };
  return { record: { serverName: 'Db', sub, endpoint, ...declared, ...lease }, modRevision: 1, leaseId: '1' };
}

function outcome(act: () => unknown): unknown {
  try {
    return act() ?? 'allowed';
  } catch (error) {
    if (error instanceof ServiceError) return error.reason;
    throw error;
  }
}

describe('a name', () => {
  const claimant = { serverName: 'Db', sub: 'shop.db', mayTakeOver: false };
  const intruder = { ...claimant, sub: 'evil.db' };

  test.each<[string, HeldName, typeof claimant, string]>([
    ['that nobody holds is free', 'free', claimant, 'allowed'],
    ['of one’s own stays', held({ manager: 'register', sub: 'shop.db' }), claimant, 'allowed'],
    ['of another is taken', held({ manager: 'register', sub: 'shop.db' }), intruder, 'NAME_TAKEN'],
    [
      'of another may be taken over',
      held({ manager: 'register', sub: 'x' }),
      { ...claimant, mayTakeOver: true },
      'allowed',
    ],
    ['of the operator is taken', held(OPERATOR), claimant, 'NAME_TAKEN'],
    ['of the operator is never taken over', held(OPERATOR), { ...claimant, mayTakeOver: true }, 'NAME_TAKEN'],
    ['of a record that cannot be read is taken', 'unreadable', { ...claimant, mayTakeOver: true }, 'NAME_TAKEN'],
    ['of one’s own in another spelling', held({ manager: 'register', sub: 'shop.db' }, 'DB'), claimant, 'NAME_TAKEN'],
  ])('%s', (_title, current, by, expected) => {
    expect(outcome(() => requireOwnable(current, by))).toBe(expected);
  });

  test('without its server record an instance has to register again', () => {
    expect(outcome(() => requireOwner('free', 'Db', 'shop.db'))).toBe('INSTANCE_UNKNOWN');
  });
});

describe('a lease', () => {
  const { record } = instance('a', 'a:1');
  test.each<[string, string, Uint8Array, string]>([
    ['belongs to its subject with its secret', 'shop.db', SECRET, 'allowed'],
    ['not to another subject', 'evil.db', SECRET, 'LEASE_NOT_YOURS'],
    ['not to another secret', 'shop.db', Buffer.alloc(32), 'LEASE_NOT_YOURS'],
    ['not to a part of the secret', 'shop.db', SECRET.subarray(0, 31), 'LEASE_NOT_YOURS'],
    ['not to the stored hash', 'shop.db', Buffer.from(hashLeaseToken(SECRET), 'hex'), 'LEASE_NOT_YOURS'],
    ['not to nothing', 'shop.db', Buffer.alloc(0), 'LEASE_NOT_YOURS'],
  ])('%s', (_title, sub, secret, expected) => {
    expect(outcome(() => requireLease(record, sub, secret))).toBe(expected);
  });

  test('a record without a hash is nobody’s', () => {
    const open = { ...record, leaseTokenHash: '' };
    expect(outcome(() => requireLease(open, 'shop.db', Buffer.alloc(0)))).toBe('LEASE_NOT_YOURS');
  });
});

describe('which instance a registration replaces', () => {
  const claim = { sub: 'shop.db', url: 'a:1', instanceId: '', leaseToken: SECRET };

  test('none at a new address', () => {
    expect(chooseInstance([instance('x', 'b:1')], claim)).toEqual({ replaced: undefined, duplicates: [] });
  });

  test('the one at its address, and others at the same address go', () => {
    const all = [instance('x', 'a:1'), instance('y', 'b:1'), instance('z', 'a:1')];
    expect(chooseInstance(all, claim)).toEqual({ replaced: all[0], duplicates: [all[2]] });
  });

  test('never that of another subject', () => {
    expect(chooseInstance([instance('x', 'a:1', 'evil.db')], claim).replaced).toBeUndefined();
    const named = { ...claim, instanceId: 'x' };
    expect(outcome(() => chooseInstance([instance('x', 'a:1', 'evil.db')], named))).toBe('LEASE_NOT_YOURS');
  });

  test('the one that it names, with its secret', () => {
    const all = [instance('x', 'b:1'), instance('y', 'a:1')];
    const named = { ...claim, instanceId: 'x' };
    expect(chooseInstance(all, named)).toEqual({ replaced: all[0], duplicates: [all[1]] });
    expect(outcome(() => chooseInstance(all, { ...named, leaseToken: Buffer.alloc(32) }))).toBe('LEASE_NOT_YOURS');
    expect(outcome(() => chooseInstance([], named))).toBe('INSTANCE_UNKNOWN');
  });

  test('a thousand instances are enough', () => {
    const all = Array.from({ length: 1_000 }, (_, i) => instance(`i${i}`, `a:${i + 2}`));
    expect(outcome(() => chooseInstance(all, claim))).toBe('LIMIT_EXCEEDED');
    expect(chooseInstance(all, { ...claim, url: 'a:2' }).replaced).toBe(all[0]);
  });
});
