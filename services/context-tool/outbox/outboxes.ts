/** The outboxes of one configuration, from the moment when it is in force until another one takes its place. */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { RuntimeConfig } from '../config/runtime-config.ts';
import type { OutboxTable } from '../database/outbox-table.ts';
import { Outbox } from './outbox.ts';
import type { OutboxMetrics } from './outbox-metrics.ts';
import { outboxName } from './outbox-name.ts';
import type { OpenPublishing, Publishing } from './publishing.ts';

export interface OutboxDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly outboxMetrics: OutboxMetrics;
  /** Opens nothing yet. */
  readonly openPublishing: OpenPublishing;
}

/** What a stop waits for a database and an event bus to settle what is on its way. */
const STOP_MS = 3_000;

export class Outboxes {
  readonly #config: RuntimeConfig;
  readonly #tables: readonly OutboxTable[];
  readonly #dependencies: OutboxDependencies;
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #publishing: Publishing | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(config: RuntimeConfig, tables: readonly OutboxTable[], dependencies: OutboxDependencies) {
    this.#config = config;
    this.#tables = tables;
    this.#dependencies = dependencies;
    this.#publishing = tables.length === 0 ? undefined : dependencies.openPublishing(config);
  }

  start(after: Promise<void>): void {
    this.#running = this.#run(after);
  }

  /** Resolves when what was on its way is settled or given up. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #run(after: Promise<void>): Promise<void> {
    await after;
    const publishing = this.#publishing;
    if (publishing === undefined || this.#stopping.signal.aborted) return;
    await Promise.all(this.#tables.map((table, i) => this.#drain(table, i, publishing)));
  }

  async #drain(table: OutboxTable, index: number, { publish }: Publishing): Promise<void> {
    const { server, events } = this.#config;
    const config = events[index];
    if (config === undefined) return;
    const { clock, random, outboxMetrics } = this.#dependencies;
    const name = outboxName(events, index);
    const log = this.#dependencies.log.child({ outbox: name });
    const { database, topics, everyMs, failed } = config;
    const outbox = new Outbox({
      ...{ server: server.name, database, topics, everyMs, table, publish, clock, random, log },
      setsAside: failed !== undefined,
      meter: outboxMetrics.forOutbox(name),
    });
    await outbox.run(this.#stopping.signal, this.#ended.signal);
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new Error('the outbox is stopping'));
    const done = new AbortController();
    const { clock } = this.#dependencies;
    clock.sleep(STOP_MS, done.signal).then(
      () => this.#ended.abort(new Error('the outbox has stopped')),
      () => undefined,
    );
    await this.#running;
    done.abort();
    await this.#publishing?.close();
  }
}
