/**
 * Tells our own status writes, as the watch brings them back, from those of anybody else.
 *
 * An operator that was paused and replaced may still send the status it was about to write; nothing fences that. The
 * resource is looked at again then, and its status put right.
 */
import { LRUCache } from 'lru-cache';
import { canonicalHash } from '#lib/canonical-json.ts';
import { keyOf } from '#lib/kube/object.ts';
import { CONDITIONS } from '../server/conditions.ts';
import type { Mcp2ServerStatus } from '../server/resource.ts';
import type { SourcedServer } from './source.ts';

/** One that is forgotten costs a look at its resource, and no write. */
const MAX_REMEMBERED = 50_000;

export class OwnStatuses {
  readonly #hashes = new LRUCache<string, string>({ max: MAX_REMEMBERED });

  /** Call before the write: the watch may be faster than the answer. */
  wrote(server: SourcedServer, status: Mcp2ServerStatus): void {
    this.#hashes.set(keyOf(server), hashOf(status));
  }

  /** The status changed, and not to what we wrote last. */
  isForeign(before: SourcedServer, after: SourcedServer): boolean {
    const now = hashOf(after.status);
    return now !== hashOf(before.status) && now !== this.#hashes.get(keyOf(after));
  }
}

/** Of what is ours: conditions of other types are other owners'. */
function hashOf(status: unknown): string {
  const { conditions = [], ...rest } = (status ?? {}) as Mcp2ServerStatus;
  const own = conditions.filter(({ type }) => Object.hasOwn(CONDITIONS, type));
  return canonicalHash({ ...rest, conditions: own.sort((a, b) => (a.type < b.type ? -1 : 1)) });
}
