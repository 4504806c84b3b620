import { expect, test } from 'vitest';
import { rangeEnd, toRevision, toTransactionResult, toTxnRequest } from './codec.ts';

test('the range of a prefix ends before its first neighbour', () => {
  expect(rangeEnd('/a/b/').toString()).toBe('/a/b0');
  expect(rangeEnd('/').toString()).toBe('0');
});

test('a revision is told exactly or not at all', () => {
  expect(toRevision('9007199254740991')).toBe(9_007_199_254_740_991);
  expect(() => toRevision('9007199254740993')).toThrow('beyond 2^53');
});

test('a transaction compares revisions for equality, writes on success and reads on failure', () => {
  const request = toTxnRequest({
    compares: [{ key: '/a', modRevision: 0 }],
    writes: [
      { kind: 'put', key: '/a', value: 'ü', leaseId: '9223372036854775807' },
      { kind: 'delete', key: '/b' },
    ],
    readOnFailure: ['/a'],
  });
  const [a, b] = [Buffer.from('/a'), Buffer.from('/b')];
  expect(request).toEqual({
    compare: [{ key: a, target: 2, result: 0, mod_revision: 0 }],
    success: [
      { request_put: { key: a, value: Buffer.from('ü'), lease: '9223372036854775807' } },
      { request_delete_range: { key: b } },
    ],
    failure: [{ request_range: { key: a } }],
  });
});

test('of a lost compare the keys that exist are told, with their leases', () => {
  const kv = (key: string, lease: string) => ({
    key: Buffer.from(key),
    value: Buffer.from('v'),
    create_revision: '1',
    mod_revision: '3',
    version: '1',
    lease,
  });
  const reads = [[kv('/a', '0')], [], [kv('/c', '77')]].map((kvs) => ({ response_range: { kvs } }));
  const header = { cluster_id: '1', member_id: '1', revision: '9', raft_term: '1' };
  expect(toTransactionResult({ header, succeeded: false, responses: reads as never })).toEqual({
    succeeded: false,
    revision: 9,
    current: new Map([
      ['/a', { key: '/a', value: 'v', modRevision: 3 }],
      ['/c', { key: '/c', value: 'v', modRevision: 3, leaseId: '77' }],
    ]),
  });
});
