/**
 * What each component may do in the store: pure. After what they really do, which their tests repeat with these rights.
 *
 * Both read everything below the prefix, because one watch of it delivers all records in order. Only the operator moves
 * its fence, and only that of its own installation.
 */
import type { KeyRight } from '#lib/store/etcd/access.ts';
import { createKeys } from '#lib/store/keys.ts';

/** @returns undefined for a component that has no business in the store. */
export function storeRightsOf(
  component: string,
  { prefix, installationId }: { readonly prefix: string; readonly installationId: string },
): readonly KeyRight[] | undefined {
  const keys = createKeys(prefix);
  const below = (kind: KeyRight['kind'], key: string): KeyRight => ({ kind, key, isPrefix: true });
  switch (component) {
    case 'operator':
      return [
        below('read', keys.root),
        below('write', keys.servers),
        { kind: 'write', key: keys.epoch(installationId), isPrefix: false },
      ];
    case 'registry':
      // A server that registers itself claims its name: a record beside those of the operator.
      return [below('read', keys.root), below('write', keys.servers), below('write', keys.instances)];
    default:
      return undefined;
  }
}
