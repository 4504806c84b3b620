/**
 * Who may see which registration. What a caller may not see is absent without a word, so that nobody can probe for
 * names.
 */
import { audienceMatches } from '#lib/capability/audience.ts';
import type { Pattern } from '#lib/capability/pattern.ts';
import type { Visibility } from '#lib/store/servers.ts';

export interface Viewer {
  readonly sub: string;
  readonly aud: readonly string[];
  /** True when one held capability contains the pattern. */
  readonly holds: (capability: Pattern | string) => boolean;
}

/** In a Lookup `aud` is a filter on server names: the servers that would accept the token. */
export function maySee(viewer: Viewer, serverName: string, visibility: Visibility): boolean {
  return audienceMatches(viewer.aud, serverName) && isVisibleTo(viewer, visibility);
}

function isVisibleTo(viewer: Viewer, { visibleTo, requiredCapabilities }: Visibility): boolean {
  if (visibleTo.length > 0 && !visibleTo.some((entry) => names(entry, viewer.sub))) return false;
  return requiredCapabilities.every((capability) => viewer.holds(capability));
}

/** `entry` is one subject, or "<namespace>.*" for all of a namespace: a plain prefix, no pattern. */
function names(entry: string, sub: string): boolean {
  if (!entry.endsWith('.*')) return entry === sub;
  const prefix = entry.slice(0, -1);
  return sub.length > prefix.length && sub.startsWith(prefix);
}
