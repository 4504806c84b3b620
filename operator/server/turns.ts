/**
 * A bounded number of things at once, shared fairly: each group (a namespace) has at most its share, and of the groups
 * that wait the one that waited longest for a turn goes next. One group that is slow on purpose delays itself.
 */

export interface TurnsOptions {
  readonly total: number;
  /** Of these, for one group. */
  readonly perGroup: number;
}

interface Group {
  running: number;
  readonly waiting: Set<() => void>;
}

export class Turns {
  readonly #options: TurnsOptions;
  /** Those that run or wait, in the order of their turns. */
  readonly #groups = new Map<string, Group>();
  #running = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Resolves at the group's turn, to what must be called at its end. Rejects with the signal's reason. */
  async take(name: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const group = this.#groups.get(name) ?? { running: 0, waiting: new Set() };
    this.#groups.set(name, group);
    if (this.#mayRun(group)) this.#begin(group);
    else await this.#turnOf(name, group, signal);
    let isOver = false;
    return () => {
      if (!isOver) this.#end(name, group);
      isOver = true;
    };
  }

  #mayRun({ running }: Group): boolean {
    return this.#running < this.#options.total && running < this.#options.perGroup;
  }

  #begin(group: Group): void {
    this.#running += 1;
    group.running += 1;
  }

  /** Whoever ends before us calls `begin` for us. */
  #turnOf(name: string, group: Group, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        group.waiting.delete(begin);
        this.#dropIfIdle(name, group);
        reject(signal.reason);
      };
      group.waiting.add(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #end(name: string, group: Group): void {
    this.#running -= 1;
    group.running -= 1;
    this.#dropIfIdle(name, group);
    for (const [next, candidate] of this.#groups) {
      const [begin] = candidate.waiting;
      if (begin === undefined || !this.#mayRun(candidate)) continue;
      candidate.waiting.delete(begin);
      this.#groups.delete(next); // To the end of the line.
      this.#groups.set(next, candidate);
      this.#begin(candidate);
      begin();
      return;
    }
  }

  #dropIfIdle(name: string, { running, waiting }: Group): void {
    if (running === 0 && waiting.size === 0) this.#groups.delete(name);
  }
}
