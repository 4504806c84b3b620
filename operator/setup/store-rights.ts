/**
 * What each component may do in the store: pure. The chart says it, as a trait of the component beside what else it does
 * (helm/mcp2/templates/_traits.tpl), and their tests run with these rights.
 */
import type { KeyRight } from '#lib/store/etcd/access.ts';
import { createKeys, pathPart } from '#lib/store/keys.ts';

/** "registry:write:/servers/". */
export interface StoreRight {
  readonly component: string;
  readonly kind: KeyRight['kind'];
  /** Follows the prefix without its last slash; one that ends in a slash is all below it. */
  readonly path: string;
}

const INSTALLATION = '{installationId}';
/** A root like "/" or ".family/", folders, and perhaps a key. */
const PATH = /^(\/|\.[a-z-]+\/)(([a-z0-9-]+|\{installationId\})\/)*[a-z0-9-]*$/;

/** @returns undefined when the text is not "component:read:path" or "component:write:path". */
export function parseStoreRight(text: string): StoreRight | undefined {
  const [, component, kind, path] = /^([a-z0-9-]+):(read|write):(.+)$/.exec(text) ?? [];
  if (component === undefined || path === undefined || !PATH.test(path)) return undefined;
  return { component, kind: kind as KeyRight['kind'], path };
}

/** The rights of one component as etcd knows them. */
export function keyRightsOf(
  component: string,
  rights: readonly StoreRight[],
  { prefix, installationId }: { readonly prefix: string; readonly installationId: string },
): readonly KeyRight[] {
  const root = createKeys(prefix).root.slice(0, -1);
  return rights
    .filter((right) => right.component === component)
    .map(({ kind, path }) => ({
      kind,
      key: `${root}${path.replace(INSTALLATION, pathPart(installationId))}`,
      isPrefix: path.endsWith('/'),
    }));
}
