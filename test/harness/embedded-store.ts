/** The embedded store in this process, for one test: closed at its end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { type EmbeddedStoreOptions, openEmbeddedStore } from '#lib/store/embedded/open.ts';
import type { Revision, Store } from '#lib/store/store.ts';

/** Removed at the end of the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function open(directory: string, options: Partial<EmbeddedStoreOptions> = {}): Promise<Store> {
  const store = await openEmbeddedStore({ directory, clock: systemClock, ...options });
  onTestFinished(() => store.close());
  return store;
}

export async function put(store: Store, key: string, value: string, leaseId?: string): Promise<Revision> {
  const write = leaseId === undefined ? { key, value } : { key, value, leaseId };
  return (await store.transact({ compares: [], writes: [{ kind: 'put', ...write }] })).revision;
}
