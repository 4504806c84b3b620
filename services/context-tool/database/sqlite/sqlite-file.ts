/**
 * One file, shared by every database of this process that names it: one child that writes, two that read. Made by the first
 * one's init scripts when it does not exist.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { makeFolder } from '#lib/make-folder.ts';
import type { MemberState } from '../database-metrics.ts';
import { ChildLane } from './child-lane.ts';
import type { Access, InitProblem } from './messages.ts';

export interface SqliteFileOptions {
  /** Absolute. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly setpriv: string | undefined;
}

/** "unreachable": a full disk or another process is in the way; try again. */
export type Prepared = 'ready' | 'unreachable' | { readonly message: string } | InitProblem;

const READERS = 2;
/** For all init scripts together. */
const CREATE_MS = 60_000;

export class SqliteFile {
  readonly #options: SqliteFileOptions;
  readonly #lanes: Readonly<Record<Access, ChildLane>>;
  #init: readonly string[] = [];
  #creating: Promise<Prepared> | undefined;

  constructor(options: SqliteFileOptions) {
    this.#options = options;
    const { file, clock, log, setpriv } = options;
    const lane = (access: Access, maxChildren: number) =>
      new ChildLane({ child: { file, access, setpriv }, maxChildren, clock, log: log.child({ file, access }) });
    this.#lanes = { read: lane('read', READERS), write: lane('write', 1) };
  }

  lane(access: Access): ChildLane {
    return this.#lanes[access];
  }

  /** For metrics. */
  states(): MemberState[] {
    return (['read', 'write'] as const).map((access) => {
      return { member: access === 'read' ? 'readers' : 'writer', lagSeconds: undefined, ...this.#lanes[access].state };
    });
  }

  /** Of several that name scripts the first one's hold. */
  offerInit(init: readonly string[]): void {
    if (this.#init.length === 0) this.#init = init;
  }

  /** Makes the file when it does not exist; asked at once, it is made once. */
  prepare(): Promise<Prepared> {
    this.#creating ??= this.#prepare().finally(() => {
      this.#creating = undefined;
    });
    return this.#creating;
  }

  /** The writer last: it moves what is in the write-ahead log into the file. */
  async close(): Promise<void> {
    await this.#lanes.read.close();
    await this.#lanes.write.close();
  }

  async #prepare(): Promise<Prepared> {
    const { file, clock, log } = this.#options;
    const init = this.#init;
    const fault = this.#checkPlace(init.length > 0);
    if (fault !== undefined) return { message: fault };
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) return 'ready';
    try {
      const request = { kind: 'create', init, nowMs: clock.nowMs(), busyMs: CREATE_MS } as const;
      const problem = await this.#lanes.write.run<'create'>(request, { timeoutMs: CREATE_MS });
      if (problem === undefined) log.info({ file }, 'the database was made by its init scripts');
      return problem ?? 'ready';
    } catch (error) {
      if (hasReason(error, 'STATEMENT_TIMEOUT')) return { message: `"init" did not end within ${CREATE_MS / 1_000} s` };
      log.warn({ file, err: error }, 'the database could not be made; it is tried again');
      return 'unreachable';
    }
  }

  /** @returns what is wrong with it */
  #checkPlace(isMade: boolean): string | undefined {
    const { file } = this.#options;
    try {
      const stats = statSync(file, { throwIfNoEntry: false });
      if (stats !== undefined && !stats.isFile()) return `${file} is no regular file: name another one`;
      if (stats === undefined && !isMade) {
        return `${file} does not exist and there is no "init" to make it: name a file that is there, or the scripts that make it`;
      }
      if (stats === undefined) makeFolder(dirname(file), 0o700);
      accessSync(dirname(file), constants.W_OK | constants.X_OK);
      if (stats !== undefined) accessSync(file, constants.R_OK | constants.W_OK);
      return undefined;
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      return `${file} cannot be used (${code}): this user must be able to read and write the file and its folder, where SQLite puts its log`;
    }
  }
}
