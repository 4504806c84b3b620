/**
 * Who holds a server name when several resources ask for it: the oldest, then the smaller uid. Every replica and
 * every restart comes to the same answer.
 */
import type { SourcedServer } from '../source/source.ts';

/** @returns the holder, or undefined when nobody asks. */
export function holderOf(claimants: readonly SourcedServer[]): SourcedServer | undefined {
  return [...claimants].sort(byAge)[0];
}

function byAge(a: SourcedServer, b: SourcedServer): number {
  return compare(createdAt(a), createdAt(b)) || compare(a.metadata.uid ?? '', b.metadata.uid ?? '');
}

/** RFC 3339 in UTC with whole seconds, as Kubernetes writes it, sorts as text. */
function createdAt({ metadata }: SourcedServer): string {
  return metadata.creationTimestamp ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
