/**
 * The operator without a cluster: the same core runs under an elected leader in Kubernetes and over files in
 * standalone mode.
 *
 * Every replica keeps the mirror of Discovery warm; only `lead` makes one write. Leading ends with `stop` (orderly)
 * or when the fence is lost (at once): a process that was fenced must not go on in any form, so the caller exits.
 */

import { Backoff } from '#lib/backoff.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import { formatKey, keyOf } from '#lib/kube/object.ts';
import type { Logger } from '#lib/logger.ts';
import { follow } from '#lib/store/follow.ts';
import type { Keys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { abortable } from '#lib/time-limit.ts';
import { Controller, type Failure } from './controller.ts';
import { DependencyGate } from './dependency-gate.ts';
import { ChangeTimes } from './discovery/change-times.ts';
import { type Fence, FencedError, takeFence } from './discovery/fence.ts';
import { MassDeleteGuard } from './discovery/mass-delete-guard.ts';
import type { DiscoveryMetrics } from './discovery/metrics.ts';
import { Mirror, type MirroredRecord } from './discovery/mirror.ts';
import { type SweepOptions, type SweepReport, sweep } from './discovery/sweep.ts';
import { RecordWriter } from './discovery/writer.ts';
import type { OperatorMetrics } from './operator-metrics.ts';
import { attendOutages, type OutageOptions } from './outage.ts';
import { AwayReporter } from './server/away.ts';
import type { Handshake } from './server/handshake.ts';
import { Prober } from './server/prober.ts';
import { ServerReconciler } from './server/reconcile.ts';
import type { ParseMcp2Server } from './server/resource.ts';
import { KeyContendedError } from './server/settle.ts';
import type { References, ResourceSource } from './source/source.ts';
import { Priority, WorkQueue } from './work-queue.ts';

/** Names the queue and the controller in metrics and logs. */
const CONTROLLER = 'mcp2server';
const UNAVAILABLE_AFTER_MS = 30_000;
/** After the store was listed again; what is missing is written first. */
const EARLY_SWEEP_MS = 2_000;

export interface CoreOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly installation: string;
  /** Who takes the fence, for people who look at the store. */
  readonly holder: string;
  readonly source: ResourceSource;
  readonly references: References;
  readonly parse: ParseMcp2Server;
  readonly allowLoopback: boolean;
  readonly handshake: Handshake;
  readonly controlPlaneCa: () => string | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  readonly discoveryMetrics: DiscoveryMetrics;
  /** Default 300,000. */
  readonly sweepIntervalMs?: number;
  /** Default 64. */
  readonly concurrency?: number;
  /** A store that is away for longer is said in the status of what waits for it. Default 30,000. */
  readonly unavailableAfterMs?: number;
  /** A sweep refused to delete so many records at once, and the one before did not. */
  readonly onSweepBlocked?: (wouldDelete: number) => void;
  /** Besides the store: what else all work needs, for example the API server. */
  readonly classify?: (error: unknown) => Failure | undefined;
  readonly gates?: (signal: AbortSignal) => readonly DependencyGate[];
}

export interface LeadingCore {
  /** Resolves when leading ended by itself: the fence was lost. Never rejects. */
  readonly lost: Promise<void>;
  /** Lets work finish for at most `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
  /** Ends at once. */
  abort(reason: Error): void;
  /** A pass of the sweeper now, instead of waiting for its time. */
  sweepNow(): Promise<SweepReport>;
}

export class OperatorCore {
  readonly #options: CoreOptions;
  readonly #stop = new AbortController();
  readonly #mirror: Mirror;
  readonly #following: Promise<void>;
  readonly #changeTimes: ChangeTimes;
  #queue: WorkQueue | undefined;
  #isSweepBlocked = false;
  #isListedAgain = false;
  #wakeSweeper = () => {};

  /** Starts to follow Discovery. */
  constructor(options: CoreOptions) {
    const { store, keys, clock, random, log } = options;
    this.#options = options;
    this.#changeTimes = new ChangeTimes(clock);
    this.#mirror = new Mirror({
      onChange: (key, now, before) => this.#enqueueRecord(key, now, before),
      onListedAgain: () => {
        this.#isListedAgain = true;
        this.#wakeSweeper();
      },
    });
    this.#following = follow({
      store,
      prefix: keys.servers,
      clock,
      signal: this.#stop.signal,
      backoff: new Backoff({ baseMs: 200, capMs: 5000, random }),
      follower: {
        reset: (listing) => this.#mirror.reset(listing),
        apply: (batch) => this.#mirror.apply(batch),
        unavailable: (error, isFirst) =>
          log[isFirst ? 'warn' : 'debug']({ err: error }, 'cannot follow Discovery; trying again'),
      },
    });
  }

  /** Everything needed to lead was read once. */
  hasSynced(): boolean {
    const { source, references } = this.#options;
    return this.#mirror.hasSynced && source.hasSynced() && references.hasSynced();
  }

  /** A resource, or what it refers to, changed. Harmless while another replica leads. */
  enqueue(key: string, priority: Priority = Priority.Change): void {
    if (this.#queue === undefined) return;
    this.#changeTimes.changed(key);
    this.#queue.add(key, priority);
  }

  /** Something that all resources depend on changed. */
  enqueueAll(): void {
    for (const resource of this.#options.source.all()) {
      this.#queue?.add(keyOf(resource), Priority.Initial);
    }
  }

  /** Endpoints flap in crowds: what changes within `delayMs` is looked at once. */
  enqueueAfter(key: string, delayMs: number): void {
    if (this.#queue === undefined) return;
    this.#changeTimes.changed(key);
    this.#queue.addAfter(key, delayMs, Priority.Change);
  }

  /** Takes the fence and starts to work. Resolves once workers run; needs `hasSynced`. @throws the signal's reason. */
  async lead(signal: AbortSignal): Promise<LeadingCore> {
    const { clock, log, installation } = this.#options;
    let awaySinceMs: number | undefined;
    const began = new AbortController();
    const beginning = AbortSignal.any([signal, began.signal]);
    const away = new AwayReporter(this.#options);
    this.#attendOutages({ awaySinceMs: () => awaySinceMs, waiting: () => away.outdated(), away }, beginning);
    try {
      const fence = await this.#takeFence(signal, (sinceMs) => {
        awaySinceMs = sinceMs;
      });
      while (!this.hasSynced()) await clock.sleep(20, signal);
      log.info({ installation, epoch: fence.revision }, 'leading');
      return this.#work(fence);
    } finally {
      began.abort();
    }
  }

  /** Tries for as long as the store is away. @throws the signal's reason. */
  async #takeFence(signal: AbortSignal, onAway: (sinceMs: number) => void): Promise<Fence> {
    const { store, keys, installation, holder, clock, random, log } = this.#options;
    const backoff = new Backoff({ baseMs: 100, capMs: 2000, random });
    const sinceMs = clock.monotonicMs();
    for (;;) {
      try {
        return await abortable(takeFence({ store, key: keys.epoch(installation), holder }, signal), signal);
      } catch (error) {
        if (!hasReason(error, 'STORE_UNAVAILABLE')) throw error;
        const level = backoff.failures === 0 ? 'warn' : 'debug';
        log[level]({ err: error }, 'cannot take the write fence while the store is away; trying again');
        onAway(sinceMs);
        await clock.sleep(backoff.nextMs(), signal);
      }
    }
  }

  #attendOutages(parts: Pick<OutageOptions, 'awaySinceMs' | 'waiting' | 'away'>, signal: AbortSignal): void {
    const { clock, log, unavailableAfterMs = UNAVAILABLE_AFTER_MS } = this.#options;
    const outages = attendOutages({ ...parts, clock, log, unavailableAfterMs }, signal);
    outages.catch(this.#ended('the reporter of outages'));
  }

  /** For work in the background that is made to never fail. */
  #ended(part: string): (error: unknown) => void {
    return (error) => this.#options.log.error({ err: error, part }, 'a part of the operator ended by a mistake');
  }

  /** Stops following; call after the leadership ended. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the operator is shutting down'));
    await this.#following;
  }

  #work(fence: Fence): LeadingCore {
    const end = new AbortController();
    const lost = Promise.withResolvers<void>();
    const { gate, queue, writer, prober, controller } = this.#assemble(fence, end.signal, lost.resolve);
    this.#queue = queue;
    this.enqueueAll();
    controller.start();
    const guard = new MassDeleteGuard();
    const sweepNow = () => this.#sweep({ writer, guard, signal: end.signal });
    this.#sweepForEver(sweepNow, end.signal).catch(this.#ended('the sweeper'));
    const away = new AwayReporter(this.#options);
    const waiting = () => queue.pendingKeys();
    this.#attendOutages({ awaySinceMs: () => gate.closedAtMs, waiting, away }, end.signal);
    const finish = () => {
      this.#queue = undefined;
      end.abort(new Error('no longer leading'));
      prober.stop();
      writer.close();
    };
    return {
      lost: lost.promise,
      sweepNow,
      abort: (reason) => {
        controller.abort(reason);
        finish();
      },
      stop: (timeoutMs) => controller.drain(timeoutMs).finally(finish),
    };
  }

  /** The parts of one reign; none of them outlives it. */
  #assemble(fence: Fence, signal: AbortSignal, onLost: () => void) {
    const { store, keys, installation, clock, random, log, metrics, discoveryMetrics, gates } = this.#options;
    const probe = async () => {
      await store.get(keys.epoch(installation));
    };
    const gate = new DependencyGate({ name: 'store', probe, clock, random, log, signal });
    const allGates = [gate, ...(gates?.(signal) ?? [])];
    const queue = new WorkQueue({ clock, random, gates: allGates, metrics: metrics.queue(CONTROLLER) });
    const onFenced = () => {
      discoveryMetrics.fenceRejected();
      log.error({}, 'another operator took over the write fence; stopping at once');
      controller.abort(new FencedError());
      onLost();
    };
    const writer = new RecordWriter({ store, fence, onFenced, onTransaction: discoveryMetrics.transaction });
    const onHandshake = discoveryMetrics.handshake;
    const prober = new Prober({ clock, random, onChange: (key) => queue.add(key), onHandshake });
    const reconciler = new ServerReconciler({
      ...this.#options,
      unavailableAfterMs: this.#options.unavailableAfterMs ?? UNAVAILABLE_AFTER_MS,
      mirror: this.#mirror,
      writer,
      prober,
      onDrift: discoveryMetrics.driftRepaired,
      lookAgain: (key) => this.enqueue(key),
      onRegistered: (key) => this.#observeLag(key),
    });
    const { concurrency } = this.#options;
    const controller: Controller = new Controller({
      name: CONTROLLER,
      queue,
      reconcile: async (key, reconcileSignal) => {
        this.#changeTimes.begin(key);
        const result = await reconciler.reconcile(key, reconcileSignal);
        if (!reconciler.isUnseen(key)) this.#changeTimes.settled(key);
        return result;
      },
      classify: (error) => this.#classify(error),
      clock,
      log,
      metrics: metrics.controller(CONTROLLER),
      onStop: onLost,
      ...(concurrency === undefined ? {} : { concurrency }),
    });
    metrics.observeQueue(CONTROLLER, queue);
    return { gate, queue, writer, prober, controller };
  }

  async #sweep(parts: Pick<SweepOptions, 'writer' | 'guard' | 'signal'>): Promise<SweepReport> {
    const { keys, discoveryMetrics, onSweepBlocked } = this.#options;
    const report = await sweep({ ...this.#options, ...parts, prefix: keys.servers, mirror: this.#mirror });
    discoveryMetrics.swept(report);
    if (report.blocked > 0 && !this.#isSweepBlocked) onSweepBlocked?.(report.blocked);
    this.#isSweepBlocked = report.blocked > 0;
    return report;
  }

  async #sweepForEver(sweepNow: () => Promise<SweepReport>, signal: AbortSignal): Promise<void> {
    const { log, random, sweepIntervalMs = 300_000 } = this.#options;
    let waitMs = sweepIntervalMs * (0.1 + 0.2 * random());
    while (!signal.aborted) {
      try {
        await this.#untilSweep(waitMs, signal);
        const { blocked } = await sweepNow();
        waitMs = blocked > 0 ? Math.min(sweepIntervalMs, 61_000) : sweepIntervalMs;
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'a sweep failed; trying again at its next time');
      }
    }
  }

  /** Sooner when the store was listed again: a restored backup also brings back what no resource asks for any more. */
  async #untilSweep(waitMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const nap = new AbortController();
    this.#wakeSweeper = () => nap.abort();
    const napping = AbortSignal.any([signal, nap.signal]);
    if (!this.#isListedAgain) await clock.sleep(waitMs, napping).catch(() => undefined);
    signal.throwIfAborted();
    if (!this.#isListedAgain) return;
    this.#isListedAgain = false;
    await clock.sleep(EARLY_SWEEP_MS, signal);
  }

  #observeLag(key: string): void {
    const seconds = this.#changeTimes.settled(key);
    if (seconds !== undefined) this.#options.discoveryMetrics.registered(seconds);
  }

  #classify(error: unknown): Failure {
    if (error instanceof FencedError) return { kind: 'stop' };
    if (error instanceof KeyContendedError) return { kind: 'conflict' };
    if (hasReason(error, 'STORE_UNAVAILABLE')) return { kind: 'gate', gate: 'store' };
    return this.#options.classify?.(error) ?? { kind: 'error' };
  }

  /** An outside edit, a name that became free, or our own write coming back. */
  #enqueueRecord(key: string, now: MirroredRecord | undefined, before: MirroredRecord | undefined): void {
    const { installation, source, keys } = this.#options;
    for (const owner of [now?.record?.owner, before?.record?.owner]) {
      if (owner?.manager === 'mcp2-operator' && owner.installation === installation) {
        this.enqueue(formatKey(owner));
      }
    }
    for (const claimant of source.claimants(foldServerName(key.slice(keys.servers.length)))) {
      this.enqueue(keyOf(claimant));
    }
  }
}
