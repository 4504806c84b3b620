/**
 * New certificates for the connections to etcd, without a failed call.
 *
 * TLS looks at certificates only when a connection is opened, so the open ones serve on. New clients are made beside
 * them and tried; once one was answered, calls go there, watches and keep-alives follow, and the old clients are closed
 * when the last call on them must have ended. Files that etcd does not take (yet: its own part of a rotation may come
 * later) are tried again and again, and meanwhile nothing changes.
 */
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { isMemberTrouble } from './calls.ts';
import { CallFailure, closeMembers, type EtcdTls, type Member, type Members } from './members.ts';

export interface RenewalOptions {
  readonly members: Members;
  readonly clock: Clock;
  readonly random: () => number;
  /** Until a member counts as not answering. */
  readonly attemptTimeoutMs: number;
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal;
  /** Told once of files with which no member answers. */
  readonly onRefused?: ((error: unknown) => void) | undefined;
}

/** More than a call may take, and a watch looks every 5 s whether its client was replaced. */
const RETIRE_AFTER_MS = 10_000;
/** Between two trials: etcd may be away just now, and the old certificate may be too old when it comes back. */
const TRIAL_BASE_MS = 100;
const TRIAL_CAP_MS = 1_000;

export class Renewal {
  readonly #options: RenewalOptions;
  #newest = new AbortController();

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Moves to these files as soon as etcd takes them; later files end an earlier attempt. */
  use(tls: EtcdTls): void {
    this.#newest.abort();
    this.#newest = new AbortController();
    const signal = AbortSignal.any([this.#newest.signal, this.#options.closed]);
    this.#move(tls, signal).catch((error: unknown) => this.#options.onRefused?.(error));
  }

  async #move(tls: EtcdTls, signal: AbortSignal): Promise<void> {
    const { members } = this.#options;
    const candidates = members.connectAnew(tls);
    const answering = await this.#firstToAnswer(candidates, signal);
    if (answering === undefined) closeMembers(candidates);
    else await this.#retire(members.replace(candidates, answering));
  }

  /** @returns undefined when the signal aborted. */
  async #firstToAnswer(candidates: readonly Member[], signal: AbortSignal): Promise<Member | undefined> {
    const { clock, random, onRefused } = this.#options;
    const backoff = new Backoff({ baseMs: TRIAL_BASE_MS, capMs: TRIAL_CAP_MS, random });
    for (;;) {
      let trouble: unknown;
      for (const member of candidates) {
        if (signal.aborted) return undefined;
        trouble = await this.#troubleWith(member);
        if (trouble === undefined) return signal.aborted ? undefined : member;
      }
      if (backoff.failures === 0) onRefused?.(trouble);
      await clock.sleep(backoff.nextMs(), signal).catch(() => undefined);
    }
  }

  /** @returns undefined when the member answered, be it that we may not ask this. */
  async #troubleWith({ calls }: Member): Promise<unknown> {
    const { clock, attemptTimeoutMs } = this.#options;
    try {
      await calls.maintenance.status({ deadline: clock.nowMs() + attemptTimeoutMs });
      return undefined;
    } catch (failure) {
      const error = failure instanceof CallFailure ? failure.cause : failure;
      return isMemberTrouble(error) ? error : undefined;
    }
  }

  async #retire(members: readonly Member[]): Promise<void> {
    const { clock, closed } = this.#options;
    await clock.sleep(RETIRE_AFTER_MS, closed).catch(() => undefined);
    closeMembers(members);
  }
}
