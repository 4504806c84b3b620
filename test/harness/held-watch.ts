/**
 * A store whose watches can be held: they stay open and bring nothing, as behind a network that swallows packets,
 * while reads and writes pass. A TCP proxy cannot do that: which connection carries a watch is not to be seen.
 */
import type { Store, WatchBatch } from '#lib/store/store.ts';

export class HeldWatches {
  #released: Promise<void> | undefined;
  #release: () => void = () => {};

  get isHolding(): boolean {
    return this.#released !== undefined;
  }

  /** Nothing that happens from now on is delivered. */
  hold(): void {
    this.#released ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Delivers what was held, in order, and everything after it. */
  release(): void {
    this.#release();
    this.#released = undefined;
  }

  /** For `wrapStore` of an operator under test. */
  wrap(store: Store): Store {
    const hold = async () => this.#released;
    return new Proxy(store, {
      get(target, property) {
        if (property === 'watch') {
          return (...request: Parameters<Store['watch']>) => held(target.watch(...request), hold);
        }
        const member: unknown = Reflect.get(target, property);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }
}

async function* held(watch: AsyncIterable<WatchBatch>, hold: () => Promise<void>): AsyncGenerator<WatchBatch> {
  for await (const batch of watch) {
    await hold();
    yield batch;
  }
}
