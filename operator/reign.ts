/**
 * The time in which this process leads: it waits for the lease, works until told to stop or until leadership is lost.
 *
 * A leader that loses its lease or its fence does not try to recover in place: it stops at once and the process ends,
 * so that nothing of the old reign can still write.
 */
import type { Logger } from '#lib/observe/logger.ts';
import type { OperatorCore, Leadership as Work } from './core.ts';
import type { LeaderElector } from './kube/leader.ts';
import { LeadershipEnded, type Leadership as Lease } from './kube/leadership.ts';

/** Work that is still on its way at a shutdown may take so long. */
const DRAIN_MS = 15_000;

export class Reign {
  /** Resolves when this process must end. Never rejects. */
  readonly ended: Promise<void>;
  readonly #elector: LeaderElector;
  readonly #log: Logger;
  readonly #end: () => void;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #lease: Lease | undefined;
  #work: Work | undefined;

  constructor(elector: LeaderElector, log: Logger) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    this.#elector = elector;
    this.#log = log;
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
    await this.#work?.stop(DRAIN_MS);
    await this.#lease?.release();
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
    void work.lost.then(lost);
    if (lease.signal.aborted) lost();
  }
}
