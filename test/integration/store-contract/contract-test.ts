/** The form of a test of the store contract, and the few writes that all of them make. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Revision, Store, WriteOperation } from '#lib/store/store.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Makes every revision before the current one unreachable for a watch. */
  compact(): Promise<void>;
  dispose(): Promise<void>;
}

/** By the sentence that is tested. */
export type ContractTests = Readonly<Record<string, (under: StoreUnderTest) => Promise<void>>>;

/** Each test has a prefix of its own. */
export function ownPrefix(): string {
  return `/contract/${randomUUID()}/`;
}

export function put(key: string, value: string, leaseId?: string): WriteOperation {
  return leaseId === undefined ? { kind: 'put', key, value } : { kind: 'put', key, value, leaseId };
}

export function remove(key: string): WriteOperation {
  return { kind: 'delete', key };
}

/** Writes without comparing. */
export async function write(store: Store, ...writes: WriteOperation[]): Promise<Revision> {
  const result = await store.transact({ compares: [], writes });
  expect(result.succeeded).toBe(true);
  return result.revision;
}
