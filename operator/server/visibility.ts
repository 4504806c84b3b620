/**
 * Who may find a server: `registration.visibility` as entries of `Acl.visible_to`.
 *
 * An entry is an exact sub or `<namespace>.*`, compared as a plain string prefix; default subs are
 * `<namespace>.<serviceaccount>`.
 */
import type { Visibility } from '#lib/store/servers.ts';
import type { Mcp2Server } from './resource.ts';

/** etcd holds the list in one value, and every Lookup reads it. */
export const MAX_VISIBLE_NAMESPACES = 256;

export function visibilityOf(
  { metadata, spec }: Mcp2Server,
  namespacesMatching: (labels: Readonly<Record<string, string>>) => readonly string[],
): Visibility {
  const { from, selector } = spec.registration.visibility;
  if (from === 'All') return { visibleTo: [], requiredCapabilities: [] };
  if (from === 'Same') return { visibleTo: [`${metadata.namespace}.*`], requiredCapabilities: [] };
  const namespaces = [...namespacesMatching(selector?.matchLabels ?? {})].sort().slice(0, MAX_VISIBLE_NAMESPACES);
  // An empty list would mean everybody; a selector that matches nothing means nobody but the owner's namespace.
  const visible = namespaces.length > 0 ? namespaces : [metadata.namespace];
  return { visibleTo: visible.map((namespace) => `${namespace}.*`), requiredCapabilities: [] };
}
