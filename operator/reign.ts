/**
 * The time in which this process leads: it waits for the lease, works until told to stop or until leadership is lost.
 *
 * A leader that loses its lease or its fence does not try to recover in place: it stops at once and the process ends,
 * so that nothing of the old reign can still write.
 */
import type { Clock } from '#lib/clock.ts';
import type { LeaderElector } from '#lib/kube/leader.ts';
import { type Leadership, LeadershipEnded } from '#lib/kube/leadership.ts';
import type { Logger } from '#lib/logger.ts';
import { atMost } from '#lib/time-limit.ts';
import type { LeadingCore, OperatorCore } from './core.ts';

/** Work that is still on its way at a shutdown may take so long, then it is aborted. */
const DRAIN_MS = 1_500;
/**
 * And the lease is released after so long, whatever work does: a call to a store that is away ends only with its own
 * time limit, and until then nobody would lead. What is left can do no harm: the fence refuses its writes to Discovery
 * as soon as the next leader has taken it, and no status is written without the lease.
 */
const HAND_OVER_MS = 2_000;

export class Reign {
  /** Resolves when this process must end. Never rejects. */
  readonly ended: Promise<void>;
  readonly #elector: LeaderElector;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #end: () => void;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #lease: Leadership | undefined;
  #work: LeadingCore | undefined;

  constructor(elector: LeaderElector, { log, clock }: { readonly log: Logger; readonly clock: Clock }) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    this.#elector = elector;
    this.#log = log;
    this.#clock = clock;
  }

  /** By the clock, so right even when the event loop stood still. */
  isLeading(): boolean {
    return this.#lease?.isHeld() === true;
  }

  /** @throws LeadershipEnded when somebody else may lead. */
  requireLeadership(): void {
    if (!this.isLeading()) throw new LeadershipEnded('expired');
  }

  /** Campaigns, then leads. */
  begin(core: OperatorCore): void {
    this.#running = this.#lead(core).catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#log.error({ err: error }, 'leadership was lost before work began');
      this.#end();
    });
  }

  /** Lets work finish, then releases the lease, so that the next leader need not wait for it to run out. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the operator is shutting down'));
    await this.#running;
    const ended = this.#work?.stop(DRAIN_MS) ?? Promise.resolve();
    await atMost(HAND_OVER_MS, ended, this.#clock);
    this.#work?.abort(new Error('the operator is shutting down'));
    await this.#lease?.release();
    await ended;
  }

  async #lead(core: OperatorCore): Promise<void> {
    const stop = this.#stop.signal;
    const lease = await this.#elector.acquire(stop);
    this.#lease = lease;
    const work = await core.lead(AbortSignal.any([stop, lease.signal]));
    this.#work = work;
    const lost = () => {
      if (stop.aborted) return;
      work.abort(new Error('leadership was lost'));
      this.#end();
    };
    lease.signal.addEventListener('abort', lost, { once: true });
    work.lost.then(lost).catch((error: unknown) => this.#log.error({ err: error }, 'the end of work failed'));
    if (lease.signal.aborted) lost();
  }
}
