/** Calls that have begun and not ended: what they use is closed behind them, not under them. */
export class RunningCalls {
  #count = 0;
  #ended: PromiseWithResolvers<void> | undefined;

  /** The same function; its calls count from now on. */
  counted<Args extends unknown[], Answer>(
    work: (...args: Args) => Answer | Promise<Answer>,
  ): (...args: Args) => Answer | Promise<Answer> {
    return (...args) => {
      const answer = work(...args);
      if (!(answer instanceof Promise)) return answer;
      this.#count += 1;
      const leave = () => this.#leave();
      answer.then(leave, leave);
      return answer;
    };
  }

  /** Resolves when none runs; asked once nobody begins another one. */
  async ended(): Promise<void> {
    if (this.#count === 0) return;
    this.#ended ??= Promise.withResolvers();
    await this.#ended.promise;
  }

  #leave(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#ended?.resolve();
  }
}
