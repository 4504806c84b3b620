/**
 * Between the streams of a subscription and its reader: what came and was not taken yet. Bounded: whoever brings more waits,
 * so that the bus keeps the rest, and not this process.
 */

interface Taker<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

export interface EventBufferOptions<Item> {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly sizeOf: (item: Item) => number;
  readonly onTaken: (item: Item) => void;
}

export class EventBuffer<Item> {
  readonly #options: EventBufferOptions<Item>;
  #items: Item[] = [];
  #bytes = 0;
  readonly #takers: Taker<Item>[] = [];
  #room: PromiseWithResolvers<void> | undefined;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: EventBufferOptions<Item>) {
    this.#options = options;
  }

  /** It is taken in any case. @returns resolves when the next one may come */
  add(item: Item): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      this.#options.onTaken(item);
      taker.resolve({ done: false, value: item });
      return undefined;
    }
    this.#items.push(item);
    this.#bytes += this.#options.sizeOf(item);
    if (!this.#isFull()) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** The next one, in the order in which they came. */
  async take(): Promise<IteratorResult<Item, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#bytes -= this.#options.sizeOf(item);
      if (!this.#isFull()) this.#letIn();
      this.#options.onTaken(item);
      return { done: false, value: item };
    }
    if (!this.#isOver) return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return { done: true, value: undefined };
  }

  /** Nothing comes any more. What is there can still be taken; then the failure comes once. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    const takers = this.#takers.splice(0);
    for (const taker of takers) this.take().then(taker.resolve, taker.reject);
    this.#letIn();
  }

  /** Its reader has left. */
  clear(): void {
    this.end();
    this.#items = [];
    this.#failure = undefined;
    this.#letIn();
  }

  #isFull(): boolean {
    return this.#items.length >= this.#options.maxItems || this.#bytes >= this.#options.maxBytes;
  }

  #letIn(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}
