import { expect, test } from 'vitest';
import {
  checkFromRevision,
  checkKey,
  checkLeaseId,
  checkLeaseTtl,
  checkPrefix,
  checkTransaction,
} from './request-checks.ts';
import type { Transaction, WriteOperation } from './store.ts';

const put = (key: string, value = 'v'): WriteOperation => ({ kind: 'put', key, value });
const writing = (...writes: WriteOperation[]): Transaction => ({ compares: [], writes });

test.each([
  ['/a'],
  ['/mcp2/v1/servers/inventorydb_primary'],
  ['/mcp2/v1/instances/db/0f0e0d0c-aa~1@zone=eu+1'],
  [`/${'k'.repeat(511)}`],
])('%s is a key', (key) => {
  expect(() => checkKey(key)).not.toThrow();
});

test.each([
  ['an empty text', ''],
  ['no slash in front', 'a/b'],
  ['a slash at the end', '/a/'],
  ['an empty segment', '/a//b'],
  ['a NUL', '/a\0b'],
  ['a space', '/a b'],
  ['a line break at the end', '/a\n'],
  ['a wildcard', '/a/*'],
  ['a letter outside ASCII', '/ä'],
  ['a lone surrogate', '/\ud800'],
  ['513 characters', `/${'k'.repeat(512)}`],
])('a key with %s is refused', (_title, key) => {
  expect(() => checkKey(key)).toThrow(expect.objectContaining({ reason: 'ARGUMENT_INVALID' }));
});

test('a prefix is a key and a slash, or the slash alone', () => {
  for (const prefix of ['/', '/a/', '/mcp2/v1/servers/']) expect(() => checkPrefix(prefix)).not.toThrow();
  for (const prefix of ['', '/a', 'a/', '//', '/a//', '/a\0/', `/${'k'.repeat(511)}/`]) {
    expect(() => checkPrefix(prefix)).toThrow(expect.objectContaining({ reason: 'ARGUMENT_INVALID' }));
  }
});

test.each<[string, string, Transaction]>([
  ['ARGUMENT_INVALID', 'a hostile key to write', writing(put('/a/../\0'))],
  ['ARGUMENT_INVALID', 'a hostile key to delete', writing({ kind: 'delete', key: '' })],
  ['ARGUMENT_INVALID', 'a hostile key to compare', { compares: [{ key: 'x', modRevision: 0 }], writes: [] }],
  ['ARGUMENT_INVALID', 'a hostile key to read', { compares: [], writes: [], readOnFailure: ['x'] }],
  ['ARGUMENT_INVALID', 'a negative revision', { compares: [{ key: '/a', modRevision: -1 }], writes: [] }],
  ['ARGUMENT_INVALID', 'a revision that is no number', { compares: [{ key: '/a', modRevision: NaN }], writes: [] }],
  ['ARGUMENT_INVALID', 'one key twice', writing(put('/a'), { kind: 'delete', key: '/a' })],
  ['ARGUMENT_INVALID', 'a value with half a character', writing(put('/a', '\ud800'))],
  ['ARGUMENT_INVALID', 'a lease id of letters', writing({ kind: 'put', key: '/a', value: '', leaseId: 'x' })],
  ['LIMIT_EXCEEDED', '101 writes', writing(...Array.from({ length: 101 }, (_, i) => put(`/k${i}`)))],
  ['LIMIT_EXCEEDED', '1 MiB of value beside its key', writing(put('/a', 'x'.repeat(1024 * 1024)))],
  ['LIMIT_EXCEEDED', 'half a MiB of two-byte letters', writing(put('/a', 'ä'.repeat(512 * 1024)))],
  [
    'LIMIT_EXCEEDED',
    '129 compares',
    { compares: Array.from({ length: 129 }, () => ({ key: '/a', modRevision: 0 })), writes: [] },
  ],
  ['LIMIT_EXCEEDED', '129 reads', { compares: [], writes: [], readOnFailure: Array.from({ length: 129 }, () => '/a') }],
])('%s for a transaction with %s', (reason, _title, transaction) => {
  expect(() => checkTransaction(transaction)).toThrow(expect.objectContaining({ reason }));
});

test('a transaction at its limits is accepted', () => {
  const full = 'x'.repeat(1024 * 1024 - '/a'.length);
  expect(() => checkTransaction(writing(put('/a', full)))).not.toThrow();
  expect(() => checkTransaction(writing(...Array.from({ length: 100 }, (_, i) => put(`/k${i}`))))).not.toThrow();
});

test('times, ids and revisions outside their range are refused', () => {
  for (const ttl of [0, -1, 1.5, NaN, Infinity, 2_592_001]) expect(() => checkLeaseTtl(ttl)).toThrow('whole seconds');
  for (const id of ['', '0', '-1', '01', '9223372036854775808', '1e3', ' 1']) {
    expect(() => checkLeaseId(id)).toThrow('granted');
  }
  expect(() => checkLeaseId('9223372036854775807')).not.toThrow();
  for (const revision of [0, -1, 0.5, NaN, 2 ** 53]) expect(() => checkFromRevision(revision)).toThrow('1 or more');
});
