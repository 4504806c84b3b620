/**
 * A gate before something that every key needs (the registry's store, the API server): closed by the first failure,
 * opened by one probe.
 *
 * Without it each key finds out for itself, backs off for itself, and comes back long after the dependency did:
 * measured, 16 s instead of 1.4 s after an outage of 5 s.
 */
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { withDeadline } from '#lib/time-limit.ts';

export interface DependencyGateOptions {
  /** For people: "store", "api". */
  readonly name: string;
  /** Resolves when the dependency answers again. One runs at a time. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Ends probing. */
  readonly signal: AbortSignal;
  /** Default 3,000. */
  readonly probeTimeoutMs?: number;
}

/** Short, because an outage ends unannounced and everything waits for the probe. */
const PROBE_BASE_MS = 100;
const PROBE_CAP_MS = 1_000;
/** A gate that closes again sooner goes on with longer waits: the probe succeeds and the work still fails. */
const STEADY_MS = 30_000;

export class DependencyGate {
  readonly name: string;
  readonly #options: DependencyGateOptions;
  readonly #backoff: Backoff;
  readonly #listeners = new Set<() => void>();
  #closedAtMs: number | undefined;
  #openedAtMs: number | undefined;

  constructor(options: DependencyGateOptions) {
    this.name = options.name;
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: PROBE_BASE_MS, capMs: PROBE_CAP_MS, random: options.random });
  }

  get isClosed(): boolean {
    return this.#closedAtMs !== undefined;
  }

  /** `clock.monotonicMs()` of the closing; undefined while open. */
  get closedAtMs(): number | undefined {
    return this.#closedAtMs;
  }

  /** Called each time the gate opens. Must not throw. */
  onOpen(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Closes the gate and begins to probe; does nothing when it is closed. */
  close(cause: unknown): void {
    if (this.isClosed) return;
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#openedAtMs === undefined || nowMs - this.#openedAtMs >= STEADY_MS) this.#backoff.reset();
    this.#closedAtMs = nowMs;
    log.warn({ gate: this.name, err: cause }, 'a dependency is away; work waits behind one probe');
    this.#probeUntilOpen().catch((error: unknown) => log.error({ gate: this.name, err: error }, 'the probes ended'));
  }

  /** Never rejects. */
  async #probeUntilOpen(): Promise<void> {
    const { clock, signal, probe, log, probeTimeoutMs: timeoutMs = 3_000 } = this.#options;
    const onTimeout = () => new Error(`the probe of ${this.name} took longer than ${timeoutMs} ms`);
    while (!signal.aborted) {
      try {
        await clock.sleep(this.#backoff.nextMs(), signal);
        await withDeadline({ clock, timeoutMs, signal, onTimeout }, probe);
        if (!signal.aborted) this.#open();
        return;
      } catch (error) {
        if (!signal.aborted) log.debug({ gate: this.name, err: error }, 'a probe failed');
      }
    }
  }

  #open(): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    log.info({ gate: this.name, awayMs: Math.round(nowMs - (this.#closedAtMs ?? nowMs)) }, 'a dependency is back');
    this.#closedAtMs = undefined;
    this.#openedAtMs = nowMs;
    for (const listener of this.#listeners) listener();
  }
}
