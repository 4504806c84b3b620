/**
 * A value that is saved before it counts: a change that cannot be saved, because the disk is full for example, has not
 * happened, and whoever asked for it tries again.
 *
 * Changes are made one after the other, each of the value that the one before left; those that arrive while a save is
 * under way are saved together. Their number is bounded by who asks: each waits for its answer.
 */

interface Waiting<Value> {
  readonly change: (value: Value) => Value;
  readonly done: PromiseWithResolvers<Value>;
}

export class SavedState<Value> {
  readonly #save: (value: Value) => Promise<void>;
  #value: Value;
  #waiting: Waiting<Value>[] = [];
  #isSaving = false;

  constructor(value: Value, save: (value: Value) => Promise<void>) {
    this.#value = value;
    this.#save = save;
  }

  /** As it was saved last. */
  get value(): Value {
    return this.#value;
  }

  /** @param change Pure; returns the value itself when nothing changes. @returns the saved value. @throws what saving threw */
  change(change: (value: Value) => Value): Promise<Value> {
    const done = Promise.withResolvers<Value>();
    this.#waiting.push({ change, done });
    if (!this.#isSaving) this.#saveWaiting().catch(() => undefined);
    return done.promise;
  }

  /** Never rejects: the outcome is that of each change. */
  async #saveWaiting(): Promise<void> {
    this.#isSaving = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const next = group.reduce((value, { change }) => change(value), this.#value);
        if (next !== this.#value) await this.#save(next);
        this.#value = next;
        for (const { done } of group) done.resolve(next);
      } catch (error) {
        for (const { done } of group) done.reject(error);
      }
    }
    this.#isSaving = false;
  }
}
