/**
 * Keeps proving that endpoints answer: one handshake an endpoint and interval, jittered, at most 64 at once and of
 * those 32 in one namespace, so that endpoints that never answer hold up only their own.
 *
 * A verdict turns with hysteresis, so that one lost packet takes nothing out of Discovery. An endpoint that has
 * never been verified is tried again soon (1 s, 2 s, 4 s … up to the interval): a server that is just starting
 * should not wait half a minute for its first Lookup.
 */
import type { ReadCard } from '#lib/card/service-card.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/time-limit.ts';
import { Turns } from './turns.ts';

export const MAX_CONCURRENT_HANDSHAKES = 64;
export const MAX_HANDSHAKES_A_NAMESPACE = 32;
/** A place is kept for at least so long: at most 320 handshakes a second, some 2 ms of CPU each over TLS. */
export const MIN_TURN_MS = 200;
const FIRST_RETRY_MS = 1000;

export type HandshakeFailure = 'Unreachable' | 'TLSFailed' | 'TokenRejected' | 'OpenToAnyone' | 'WrongProtocol';

export type HandshakeResult =
  | { readonly ok: true; readonly card: ReadCard }
  | ({ readonly ok: false } & FailureDetails);

export interface FailureDetails {
  readonly reason: HandshakeFailure;
  readonly message: string;
  /** What to do, where that of the reason does not fit. */
  readonly advice?: string;
}

export interface ProbeTarget {
  readonly instanceId: string;
  /** Changes when address, TLS settings or server name do: then the old verdict means nothing. */
  readonly identity: string;
  /** Discovery already says SERVING: it keeps that until `failureThreshold` handshakes failed in a row. */
  readonly trusted: boolean;
  readonly handshake: (signal: AbortSignal) => Promise<HandshakeResult>;
}

export interface ProbeSettings {
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export interface Verdict {
  /** Undefined until the first handshake ended. */
  readonly verified: boolean | undefined;
  readonly card?: ReadCard;
  readonly failure?: FailureDetails;
}

export interface ProberOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** The verdict of an endpoint of `key` changed. Must not throw. */
  readonly onChange: (key: string) => void;
  readonly onHandshake?: (result: 'Verified' | HandshakeFailure, seconds: number) => void;
}

interface Probe {
  target: ProbeTarget;
  settings: ProbeSettings;
  verdict: Verdict;
  successes: number;
  failures: number;
  stop: AbortController;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #probes = new Map<string, Map<string, Probe>>();
  readonly #turns = new Turns({ total: MAX_CONCURRENT_HANDSHAKES, perGroup: MAX_HANDSHAKES_A_NAMESPACE });

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Probes exactly these endpoints of `key` from now on. */
  update(key: string, targets: readonly ProbeTarget[], settings: ProbeSettings): void {
    const probes = this.#probes.get(key) ?? new Map<string, Probe>();
    this.#probes.set(key, probes);
    const wanted = new Map(targets.map((target) => [target.instanceId, target]));
    for (const [instanceId, probe] of probes) {
      if (wanted.get(instanceId)?.identity === probe.target.identity) continue;
      probe.stop.abort();
      probes.delete(instanceId);
    }
    for (const target of targets) {
      const known = probes.get(target.instanceId);
      if (known) {
        known.target = target;
        known.settings = settings;
      } else {
        probes.set(target.instanceId, this.#start(key, target, settings));
      }
    }
  }

  verdict(key: string, instanceId: string): Verdict {
    return this.#probes.get(key)?.get(instanceId)?.verdict ?? { verified: undefined };
  }

  forget(key: string): void {
    for (const probe of this.#probes.get(key)?.values() ?? []) probe.stop.abort();
    this.#probes.delete(key);
  }

  stop(): void {
    for (const key of [...this.#probes.keys()]) this.forget(key);
  }

  #start(key: string, target: ProbeTarget, settings: ProbeSettings): Probe {
    const probe: Probe = {
      target,
      settings,
      verdict: { verified: undefined },
      successes: 0,
      failures: 0,
      stop: new AbortController(),
    };
    this.#run(key, probe).catch(() => this.forget(key));
    return probe;
  }

  async #run(key: string, probe: Probe): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = probe.stop;
    try {
      if (probe.target.trusted) await clock.sleep(random() * probe.settings.intervalSeconds * 1000, signal);
      while (!signal.aborted) {
        const endTurn = await this.#turns.take(namespaceOf(key), signal);
        const minimum = clock.sleep(MIN_TURN_MS);
        const result = await this.#handshake(probe, signal).finally(() => {
          minimum.then(endTurn, endTurn);
        });
        if (signal.aborted) return;
        if (count(probe, result)) this.#options.onChange(key);
        await clock.sleep(waitMs(probe, random), signal);
      }
    } catch {
      // Only the signal rejects a sleep or a turn: this endpoint is no longer probed.
    }
  }

  async #handshake(probe: Probe, stop: AbortSignal): Promise<HandshakeResult> {
    const { clock, onHandshake } = this.#options;
    const startedMs = clock.monotonicMs();
    const { timeoutSeconds } = probe.settings;
    const onTimeout = () => new Error(`no answer within ${timeoutSeconds} s`);
    const limit = { clock, timeoutMs: timeoutSeconds * 1000, signal: stop, onTimeout };
    // Raced with its own signal: a name lookup that hangs cannot be aborted, and must not keep a place.
    const work = (signal: AbortSignal) => Promise.race([probe.target.handshake(signal), aborted(signal)]);
    const result = await withDeadline(limit, work).catch(unreachable);
    onHandshake?.(result.ok ? 'Verified' : result.reason, (clock.monotonicMs() - startedMs) / 1000);
    return result;
  }
}

/** @returns whether the verdict changed in a way that Discovery or the status must learn. */
function count(probe: Probe, result: HandshakeResult): boolean {
  const before = probe.verdict;
  if (result.ok) {
    probe.failures = 0;
    probe.successes += 1;
    const verified = probe.successes >= probe.settings.successThreshold ? true : before.verified;
    probe.verdict = { verified, card: result.card };
    return verified !== before.verified || result.card.digest !== before.card?.digest;
  }
  probe.successes = 0;
  probe.failures += 1;
  const { ok: _, ...failure } = result;
  if (isServing(probe) && probe.failures < probe.settings.failureThreshold) return false;
  probe.verdict = { verified: false, failure };
  return before.verified !== false || before.failure?.reason !== failure.reason;
}

/** Verified, or found SERVING and not yet proved wrong: only a row of failures, an interval apart, takes it out. */
function isServing({ verdict, target }: Probe): boolean {
  return verdict.verified === true || (verdict.verified === undefined && target.trusted);
}

/** Until the next handshake: an interval, or less while the endpoint is on its way to being verified. */
function waitMs(probe: Probe, random: () => number): number {
  const { failures, successes, settings } = probe;
  const intervalMs = settings.intervalSeconds * 1000;
  const retryMs = successes > 0 ? FIRST_RETRY_MS : FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 30);
  const waitsMs = isServing(probe) ? intervalMs : Math.min(intervalMs, retryMs);
  return waitsMs * (0.9 + 0.2 * random());
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function unreachable(cause: unknown): HandshakeResult {
  const message = cause instanceof Error ? cause.message : String(cause);
  return { ok: false, reason: 'Unreachable', message };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
