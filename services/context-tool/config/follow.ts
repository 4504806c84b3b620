/**
 * Follows a configuration and every file that it names: SQL, contents, modules and what they import, secrets.
 *
 * By polling, because Kubernetes swaps a mounted ConfigMap by renaming a link, which file watchers miss. A change is taken
 * when two looks in a row see the same, so that files which are written one after the other are one change. What is broken
 * changes nothing: the last good state stays in force until the files are put right.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#lib/clock.ts';
import { changedFiles, FileMarks, type Marks } from './file-marks.ts';
import { whyRestart } from './needs-restart.ts';
import type { ReadConfig } from './read-config.ts';
import type { Problem, RuntimeConfig } from './runtime-config.ts';

export interface NewState {
  readonly config: RuntimeConfig;
  /** Undefined: the first one. */
  readonly before: RuntimeConfig | undefined;
  /** Absolute paths whose content is another one than before: a module among them needs new children. */
  readonly changed: readonly string[];
}

/** What is wrong: with the files, or, for `tryAgain`, with something around them that may change without them. */
export type Applied = readonly Problem[] | { readonly tryAgain: readonly Problem[] };

export interface FollowOptions {
  /** Reads the configuration and what it names. Must not throw. */
  readonly read: () => ReadConfig;
  /** The configuration, absolute. */
  readonly file: string;
  /**
   * Puts a state in force, all of it or nothing. Resolves to what is wrong with it; then the one before stays. The next one
   * comes only after that.
   */
  readonly apply: (state: NewState) => Promise<Applied>;
  /** Absolute paths of what the modules of the last state are made of; known once it was tried. Default: not followed. */
  readonly moduleFiles?: () => readonly string[];
  /** Told when the problems become other ones; none when all is well again. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  readonly clock: Clock;
  /** Between two looks. Default 1 000. */
  readonly pollMs?: number;
}

/** Between two looks while something changes. */
const SETTLE_MS = 250;
/** A file that never settles is taken as it is after so long. */
const MAX_SETTLE_MS = 2_000;
/** Before a state is tried again that something around the files stood in the way of. */
const TRY_AGAIN_MS = 3_000;
/** A configuration that names a new file is read again, so that no change of that file is missed. */
const MAX_ROUNDS = 3;

export class ConfigFollower {
  readonly #options: FollowOptions;
  readonly #fileMarks = new FileMarks();
  #files: readonly string[];
  #moduleFiles: readonly string[] = [];
  /** Of what was read last, and of what is in force. */
  #read: Marks | undefined;
  #applied: Marks = new Map();
  #unsettled: { readonly marks: Marks; readonly sinceMs: number } | undefined;
  /** On the monotonic clock. */
  #tryAgainAtMs: number | undefined;
  #inForce: RuntimeConfig | undefined;
  #problems: readonly Problem[] = [];

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#files = [options.file];
  }

  /** Undefined as long as no state was good. */
  get inForce(): RuntimeConfig | undefined {
    return this.#inForce;
  }

  /** What is wrong with the files as they are now. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Looks until the signal aborts. Rejects with what `apply` rejected with. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pollMs = 1_000 } = this.#options;
    while (!signal.aborted) {
      await this.look();
      const waitMs = this.#unsettled === undefined ? pollMs : SETTLE_MS;
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** One look. The first one takes what is there; a later one only what did not change since the look before. */
  async look(): Promise<void> {
    const { clock } = this.#options;
    const marks = await this.#fileMarks.take(this.#files, clock.nowMs());
    if (this.#read !== undefined && changedFiles(this.#read, marks).length === 0) {
      this.#unsettled = undefined;
      if (clock.monotonicMs() >= (this.#tryAgainAtMs ?? Number.POSITIVE_INFINITY)) await this.#take(marks);
      return;
    }
    if (this.#read !== undefined && !this.#isSettled(marks)) return;
    this.#unsettled = undefined;
    await this.#take(marks);
  }

  #isSettled(marks: Marks): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const { marks: seen, sinceMs } = this.#unsettled ?? { marks: undefined, sinceMs: nowMs };
    if (seen !== undefined && (changedFiles(seen, marks).length === 0 || nowMs - sinceMs >= MAX_SETTLE_MS)) return true;
    this.#unsettled = { marks, sinceMs };
    return false;
  }

  async #take(first: Marks): Promise<void> {
    const { read, clock } = this.#options;
    let marks = first;
    let result = read();
    for (let round = 1; round < MAX_ROUNDS && result.files.some((path) => !marks.has(path)); round += 1) {
      marks = await this.#fileMarks.take([...result.files, ...this.#moduleFiles], clock.nowMs());
      result = read();
    }
    this.#tryAgainAtMs = undefined;
    const problems = result.problems ?? (await this.#apply(result, marks));
    await this.#follow(result.files, marks);
    if (problems.length === 0) this.#applied = this.#read ?? marks;
    this.#say(problems);
  }

  /** What a module imports is known only when it was loaded; what was read before keeps its mark from then. */
  async #follow(files: readonly string[], marks: Marks): Promise<void> {
    const { moduleFiles = () => [], clock } = this.#options;
    this.#moduleFiles = moduleFiles();
    this.#files = [...new Set([...files, ...this.#moduleFiles])];
    const now = await this.#fileMarks.take(this.#files, clock.nowMs());
    this.#read = new Map([...now].map(([path, mark]) => [path, marks.get(path) ?? mark]));
  }

  async #apply(
    { config, places }: ReadConfig & { readonly config: RuntimeConfig },
    marks: Marks,
  ): Promise<readonly Problem[]> {
    const before = this.#inForce;
    const fixed = before === undefined ? [] : whyRestart(before, config, places);
    if (fixed.length > 0) return fixed;
    const changed = changedFiles(this.#applied, marks);
    if (before !== undefined && changed.length === 0) return [];
    const applied = await this.#options.apply({ config, before, changed });
    if ('tryAgain' in applied) {
      this.#tryAgainAtMs = this.#options.clock.monotonicMs() + TRY_AGAIN_MS;
      return applied.tryAgain;
    }
    if (applied.length > 0) return applied;
    this.#inForce = config;
    return [];
  }

  #say(problems: readonly Problem[]): void {
    if (isDeepStrictEqual(problems, this.#problems)) return;
    this.#problems = problems;
    this.#options.onProblems(problems);
  }
}
