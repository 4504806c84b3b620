/**
 * Keys that are due later, the earliest first; a key is in it at most once.
 *
 * A binary heap, because every resource of a big cluster may wait in it for its next check.
 */

export interface DelayedKey {
  readonly key: string;
  readonly dueMs: number;
  readonly priority: number;
}

export class DelayHeap {
  readonly #heap: DelayedKey[] = [];
  /** The valid entry of each key; one that was replaced stays in the heap until it comes up. */
  readonly #current = new Map<string, DelayedKey>();

  /** Keys that wait. */
  get size(): number {
    return this.#current.size;
  }

  /** When the next key is due; undefined when none waits. */
  get nextDueMs(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.dueMs;
  }

  /** Keeps the earlier time and the higher priority when the key waits already. */
  add(entry: DelayedKey): void {
    const known = this.#current.get(entry.key);
    if (known !== undefined && known.dueMs <= entry.dueMs && known.priority >= entry.priority) return;
    const merged = {
      key: entry.key,
      dueMs: Math.min(entry.dueMs, known?.dueMs ?? entry.dueMs),
      priority: Math.max(entry.priority, known?.priority ?? entry.priority),
    };
    this.#current.set(entry.key, merged);
    this.#heap.push(merged);
    this.#siftUp(this.#heap.length - 1);
  }

  delete(key: string): void {
    this.#current.delete(key);
    this.#dropStale();
  }

  /** Takes one key that is due; undefined when none is. */
  takeDue(nowMs: number): DelayedKey | undefined {
    this.#dropStale();
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.#current.delete(first.key);
    this.#pop();
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#current.clear();
  }

  #dropStale(): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || this.#current.get(first.key) === first) break;
      this.#pop();
    }
    // Deleted keys far from the top would pile up otherwise.
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#current.size) this.#rebuild();
  }

  #rebuild(): void {
    this.#heap.length = 0;
    for (const entry of this.#current.values()) {
      this.#heap.push(entry);
      this.#siftUp(this.#heap.length - 1);
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(start: number): void {
    for (let child = start; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (this.#due(parent) <= this.#due(child)) return;
      this.#swap(parent, child);
      child = parent;
    }
  }

  #siftDown(): void {
    for (let parent = 0; ; ) {
      const left = 2 * parent + 1;
      const smaller = this.#due(left + 1) < this.#due(left) ? left + 1 : left;
      if (this.#due(smaller) >= this.#due(parent)) return;
      this.#swap(parent, smaller);
      parent = smaller;
    }
  }

  #due(position: number): number {
    return this.#heap[position]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }
}
