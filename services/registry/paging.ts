/**
 * Pages of a Lookup answer: items sorted by (server name, instance), cut after the last one of the page before.
 *
 * The token says where to go on and for which filter, and nothing else: every page is authorised afresh, so it carries
 * no right and needs no signature. Names are compared folded, as the store sorts them.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '#lib/canonical-json.ts';
import { ServiceError } from '#lib/errors.ts';

export const MAX_PAGE_SIZE = 100;

/** Where an item stands: a server's folded name, then its instance; "" sorts before every instance. */
export interface Position {
  readonly name: string;
  readonly instanceId: string;
}

/** The part of a request that must not change from page to page, as 16 bytes of text. */
export function hashFilter(filter: unknown): string {
  return createHash('sha256').update(canonicalJson(filter)).digest('base64url').slice(0, 22);
}

export function encodePageToken({ name, instanceId }: Position, filterHash: string): string {
  return Buffer.from(`${filterHash}\n${name}\n${instanceId}`).toString('base64url');
}

/** @throws ServiceError PAGE_TOKEN_INVALID when it is no token of ours or belongs to another filter. */
export function decodePageToken(token: string, filterHash: string): Position {
  const bytes = TOKEN.test(token) ? Buffer.from(token, 'base64url') : Buffer.alloc(0);
  const match = bytes.toString('base64url') === token && CONTENT.exec(bytes.toString('latin1'));
  if (!match) throw invalid('page_token is not one that this service gave out; ask again without it');
  const [, hash, name, instanceId] = match as unknown as [string, string, string, string];
  if (hash !== filterHash) throw invalid('page_token belongs to another filter; repeat the request that it came from');
  return { name, instanceId };
}

/**
 * The first `size` items after a position, out of any number that are offered in any order.
 *
 * Holds at most `size` + 1 items, so that a filter that finds everything costs time but no memory.
 */
export class PageSelection<T extends Position> {
  readonly #after: Position | undefined;
  readonly #size: number;
  readonly #items: T[] = [];
  #isSorted = false;

  constructor(after: Position | undefined, size: number) {
    this.#after = after;
    this.#size = size;
  }

  /** False when an item at this place cannot be on the page; saves the caller what it would cost to make it. */
  wants(name: string, instanceId: string): boolean {
    if (this.#after !== undefined && comparePosition(name, instanceId, this.#after) <= 0) return false;
    if (this.#items.length <= this.#size) return true;
    return comparePosition(name, instanceId, this.#items[this.#size] as T) < 0;
  }

  /** Adds an item that is wanted. */
  add(item: T): void {
    if (this.#items.length < this.#size) {
      this.#items.push(item);
      return;
    }
    if (!this.#isSorted) this.#items.sort((a, b) => comparePosition(a.name, a.instanceId, b));
    this.#isSorted = true;
    this.#items.splice(this.#placeOf(item), 0, item);
    if (this.#items.length > this.#size + 1) this.#items.pop();
  }

  /** @returns the page, unsorted unless there is more, and its last position when a next page follows. */
  result(): { readonly items: readonly T[]; readonly last: Position | undefined } {
    if (this.#items.length <= this.#size) return { items: this.#items, last: undefined };
    const items = this.#items.slice(0, this.#size);
    return { items, last: items.at(-1) };
  }

  #placeOf({ name, instanceId }: T): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePosition(name, instanceId, this.#items[middle] as T) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const TOKEN = /^[A-Za-z0-9_-]{1,512}$/;
/** A filter hash, a folded server name, an instance id; see `#lib/store/keys.ts`. */
const CONTENT = /^([A-Za-z0-9_-]{22})\n([a-z][a-z0-9_.-]{0,62})\n([A-Za-z0-9_.@=+~-]{0,128})$/;

function comparePosition(name: string, instanceId: string, other: Position): number {
  if (name !== other.name) return name < other.name ? -1 : 1;
  if (instanceId === other.instanceId) return 0;
  return instanceId < other.instanceId ? -1 : 1;
}

function invalid(message: string): ServiceError {
  return new ServiceError('PAGE_TOKEN_INVALID', message);
}
