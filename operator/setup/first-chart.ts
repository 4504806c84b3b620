/**
 * What the chart 0.1.0 said in other words: its jobs run this image too, when only the image is changed or a release is
 * rolled back. Unlike its successors it named the users in the store and left what each may do to the image.
 */
import type { EnvReader } from '#lib/config/env-reader.ts';
import { parseStoreRight, type StoreRight } from './store-rights.ts';

const USERS = 'MCP2_SETUP_STORE_USERS';

const RIGHTS: Readonly<Record<string, readonly string[]>> = Object.freeze({
  operator: ['read:/', 'write:/servers/', 'write:/operators/{installationId}/epoch'],
  registry: ['read:/', 'write:/servers/', 'write:/instances/'],
});

export interface FirstChart {
  readonly clients: readonly string[];
  readonly storeRights: readonly StoreRight[];
}

/** @returns undefined for a later chart. */
export function readFirstChart(read: EnvReader): FirstChart | undefined {
  if (read.optional(USERS) === undefined) return undefined;
  const storeRights = read.list(USERS, { fallback: [] }).flatMap((component) => {
    const rights = Object.hasOwn(RIGHTS, component) ? RIGHTS[component] : undefined;
    if (rights === undefined) read.problem(`${USERS} names "${component}", which had no rights in the store`);
    return (rights ?? []).flatMap((right) => parseStoreRight(`${component}:${right}`) ?? []);
  });
  return { clients: ['operator'], storeRights };
}
