import { expect, test } from 'vitest';
import type { Owner } from '#lib/store/owner.ts';
import { type ServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import { plan } from './plan.ts';

const owner: Owner = { manager: 'mcp2-operator', installation: 'one', namespace: 'shop', name: 'db', uid: 'u1' };
const record = (changes: Partial<ServerRecord> = {}): ServerRecord =>
  sealServerRecord({
    name: 'DB',
    owner,
    capabilities: ['db:stock:read'],
    tags: {},
    version: '',
    visibility: { visibleTo: [], requiredCapabilities: [] },
    cardDigest: '',
    endpoints: [{ instanceId: 'a', url: '10.0.0.1:1', transport: 'TLS', health: 'SERVING', weight: 100 }],
    ...changes,
  });
const held = (value: ServerRecord | undefined, modRevision = 7) => ({ modRevision, record: value });

test('a free name is created', () => {
  expect(plan({ desired: record(), held: undefined, owner })).toMatchObject({ action: 'put', expectedRevision: 0 });
});

test('an equal record is kept: the write whose reply was lost is no conflict', () => {
  expect(plan({ desired: record(), held: held(record()), owner })).toEqual({ action: 'keep', revision: 7 });
});

test('only the health of an endpoint changed: written, though the hash is the same', () => {
  const healed = record({ endpoints: record().endpoints.map((endpoint) => ({ ...endpoint, health: 'DRAINING' })) });
  expect(healed.hash).toBe(record().hash);
  expect(plan({ desired: healed, held: held(record()), owner })).toMatchObject({ action: 'put', expectedRevision: 7 });
});

test('our record under an older uid is ours and is rewritten', () => {
  const old = record({ owner: { ...owner, uid: 'u0' } });
  expect(plan({ desired: record(), held: held(old), owner })).toMatchObject({ action: 'put', expectedRevision: 7 });
});

test.each<[string, ServerRecord | undefined, string]>([
  ['another resource', record({ owner: { ...owner, name: 'other' } }), 'Mcp2Server shop/other'],
  [
    'another installation',
    record({ owner: { ...owner, installation: 'two' } }),
    'Mcp2Server shop/db of installation "two"',
  ],
  ['a server that registered itself', record({ owner: { manager: 'register', sub: 'shop.db' } }), 'shop.db'],
  ['nobody can tell', undefined, 'an unreadable record'],
])('a name held by %s is a conflict, and is not deleted either', (_title, foreign, holder) => {
  expect(plan({ desired: record(), held: held(foreign), owner })).toEqual({ action: 'conflict', holder });
  expect(plan({ desired: undefined, held: held(foreign), owner })).toEqual({ action: 'absent' });
});

test('nothing desired deletes ours and is content with nothing', () => {
  expect(plan({ desired: undefined, held: held(record()), owner })).toEqual({ action: 'delete', expectedRevision: 7 });
  expect(plan({ desired: undefined, held: undefined, owner })).toEqual({ action: 'absent' });
});

test('a record edited or deleted from outside is drift', () => {
  const edited = record({ capabilities: ['db:*:read'] });
  const known = { desired: record(), owner, knownRevision: 6 };
  expect(plan({ ...known, held: held(edited) })).toMatchObject({ action: 'put', drift: true });
  expect(plan({ ...known, held: undefined })).toMatchObject({ action: 'put', drift: true });
});

test('a record of ours that was damaged from outside is repaired by whoever wrote it', () => {
  const known = { desired: record(), owner, knownRevision: 6, held: held(undefined) };
  expect(plan(known)).toMatchObject({ action: 'put', expectedRevision: 7, drift: true });
  expect(plan({ ...known, desired: undefined })).toEqual({ action: 'delete', expectedRevision: 7 });
});
