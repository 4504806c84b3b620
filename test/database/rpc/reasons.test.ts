/** Every reason has its place: a test of these RPCs, or the part of the product that it belongs to. */
import { expect, test } from 'vitest';
import { REASONS } from '#lib/errors.ts';
import { CREDENTIAL_REFUSALS } from './credential-refusals.ts';
import { NOT_OF_THESE_RPCS, STATUS_OF } from './reasons.ts';
import { DATABASE_REFUSALS } from './refusals.ts';
import { SOURCE_REFUSALS } from './source-refusals.ts';

test('a reason is one of these RPCs, with its status, or one of another part', () => {
  expect([...Object.keys(STATUS_OF), ...Object.keys(NOT_OF_THESE_RPCS)].sort()).toEqual([...REASONS].sort());
});

test('every reason of these RPCs is shown', () => {
  const shown = [...DATABASE_REFUSALS, ...SOURCE_REFUSALS, ...CREDENTIAL_REFUSALS].map(({ reason }) => reason);
  expect([...new Set(shown)].sort()).toEqual(Object.keys(STATUS_OF).sort());
});

test('every reason that a database can give is shown on each of them', () => {
  expect([...new Set(DATABASE_REFUSALS.map(({ reason }) => reason))].sort()).toEqual([
    ...['ARGUMENT_INVALID', 'BACKEND_REFUSED', 'BACKEND_UNAVAILABLE', 'CONTEXT_UNKNOWN', 'DEADLINE_EXCEEDED'],
    ...['IDEMPOTENCY_CONFLICT', 'LIMIT_EXCEEDED', 'OUTCOME_UNKNOWN', 'POOL_FULL', 'STATEMENT_TIMEOUT'],
  ]);
});
