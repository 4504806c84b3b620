/**
 * Stops a pass that would delete suspiciously much.
 *
 * An empty list is more often a broken answer than an empty cluster. A pass over the limit deletes nothing; only
 * when a later pass, at least a minute on, wants to delete exactly the same does it go ahead.
 */
import { canonicalHash } from '#lib/canonical-json.ts';

/** A pass may always delete this many... */
export const FREE_DELETES = 10;
/** ...or this share of what is owned, whichever is more. */
export const FREE_DELETE_SHARE = 0.1;
/** How long the same wish must stand before a mass delete is believed. */
export const CONFIRM_AFTER_MS = 60_000;

export class MassDeleteGuard {
  #wish: { readonly hash: string; readonly sinceMs: number } | undefined;

  /**
   * @param removals The keys that one pass would delete.
   * @param owned How many records there are of ours in all.
   * @returns whether the pass may delete them now.
   */
  allows(removals: readonly string[], owned: number, nowMs: number): boolean {
    if (removals.length <= Math.max(FREE_DELETES, Math.floor(owned * FREE_DELETE_SHARE))) {
      this.#wish = undefined;
      return true;
    }
    const hash = canonicalHash([...removals].sort());
    if (this.#wish?.hash !== hash) {
      this.#wish = { hash, sinceMs: nowMs };
      return false;
    }
    return nowMs - this.#wish.sinceMs >= CONFIRM_AFTER_MS;
  }
}
