/**
 * The log for one process: SQLite in a folder, nothing to install or to run beside. Two threads of their own write and
 * read it, so that neither a commit nor a long scan holds up the event loop.
 */
import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Pattern } from '#lib/capability/pattern.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type {
  Appended,
  DurableStore,
  EventLog,
  LogPage,
  NewEvent,
  Offset,
  ReadRequest,
  Removal,
  Start,
  StoredEvent,
  TopicPageRequest,
  TopicState,
} from '../event-log.ts';
import type { LogSettings } from '../settings.ts';
import { type BackgroundCheck, checkInBackground } from './background-check.ts';
import { DamageReport } from './damage-report.ts';
import { closed } from './errors.ts';
import { type ClaimedFolder, claimFolder } from './folder.ts';
import { createLogMetrics, type LogMetrics } from './log-metrics.ts';
import type { Done, LogStats, SentPage, WriterSettings } from './messages.ts';
import { unpackEvents } from './packed-events.ts';
import { ReaderThread } from './reader-thread.ts';
import { type Opened, WriterThread } from './writer-thread.ts';

export interface EmbeddedLogDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Registry;
  /** Space that publishing leaves free on the disk. Default: 64 MiB or 2 % of it, whichever is less. */
  readonly reserveBytes?: number;
  /** A log that is larger is used while it is checked after an unclean end. Default: 1 GiB. */
  readonly backgroundCheckBytes?: number;
}

const BACKGROUND_CHECK_BYTES = 1024 * 1024 * 1024;
const TICK_MS = 1_000;
/** Bounds on one page, whatever the request says. */
const PAGE_EVENTS = 256;
const PAGE_BYTES = 1024 * 1024;

const NO_STATS: LogStats = Object.freeze({
  lastOffset: 0,
  events: 0,
  bytes: 0,
  topics: 0,
  durables: 0,
  parked: 0,
  isFull: false,
  freeBytes: 0,
  commitSeconds: 0,
});

/** @throws LogFolderError when the folder is in use, foreign, damaged or not accessible; the message says what to do. */
export async function openEmbeddedLog(settings: LogSettings, dependencies: EmbeddedLogDependencies): Promise<EventLog> {
  const folder = claimFolder(settings.folder);
  try {
    return await EmbeddedLog.open(folder, settings, dependencies);
  } catch (error) {
    folder.release();
    throw error;
  }
}

class EmbeddedLog implements EventLog {
  epoch: Buffer = Buffer.alloc(0);
  ackKey: Buffer = Buffer.alloc(0);
  readonly durables: DurableStore;
  readonly #folder: ClaimedFolder;
  readonly #dependencies: EmbeddedLogDependencies;
  readonly #listeners: ((events: readonly StoredEvent[]) => void)[] = [];
  readonly #removalListeners: ((removals: readonly Removal[]) => void)[] = [];
  readonly #closed = new AbortController();
  readonly #damage: DamageReport;
  readonly #metrics: LogMetrics | undefined;
  #stats: LogStats = NO_STATS;
  #check: BackgroundCheck | undefined;
  #writer: WriterThread | undefined;
  #reader: ReaderThread | undefined;
  #ticking: Promise<void> | undefined;
  #end: Offset = 0;
  #isOpen = false;
  #closing: Promise<void> | undefined;

  private constructor(folder: ClaimedFolder, dependencies: EmbeddedLogDependencies) {
    this.#folder = folder;
    this.#dependencies = dependencies;
    const { log, metrics } = dependencies;
    this.#metrics = metrics && createLogMetrics(metrics, () => this.#stats);
    this.#damage = new DamageReport(log, () => this.#metrics?.damaged());
    this.durables = this.#createDurables();
  }

  static async open(
    folder: ClaimedFolder,
    settings: LogSettings,
    dependencies: EmbeddedLogDependencies,
  ): Promise<EventLog> {
    const log = new EmbeddedLog(folder, dependencies);
    const { clock } = dependencies;
    log.#writer = await WriterThread.start({
      clock,
      settings: () => writerSettings(folder, settings, dependencies),
      onOpened: (opened) => log.#onOpened(opened),
      onCommitted: (events, done) => log.#onCommitted(events, done),
      onWarning: (message) => dependencies.log.warn({}, message),
    });
    try {
      log.#reader = await ReaderThread.start(clock, folder);
    } catch (error) {
      await log.#writer.stop();
      throw error;
    }
    log.#isOpen = true;
    log.#ticking = log.#tick();
    return log;
  }

  get end(): Offset {
    return this.#end;
  }

  append(event: NewEvent): Promise<Appended> {
    // Undefined only for `duplicateOnly` and `knownTopicOnly`, as the interface says.
    return this.#writing().append(event) as Promise<Appended>;
  }

  follow(listener: (events: readonly StoredEvent[]) => void): void {
    this.#listeners.push(listener);
  }

  followRemovals(listener: (removals: readonly Removal[]) => void): void {
    this.#removalListeners.push(listener);
  }

  async read(request: ReadRequest): Promise<LogPage> {
    if (this.#closed.signal.aborted) throw closed();
    if (request.after >= this.#end) return { events: [], upTo: request.after, missed: 0 };
    const page = await this.#reading().call<'read'>({ kind: 'read', upTo: this.#end, ...bounded(request) });
    return this.#toPage(page);
  }

  async readLastPerTopic(request: ReadRequest & { readonly upTo: Offset }): Promise<LogPage> {
    const upTo = Math.min(request.upTo, this.#end);
    const page = await this.#reading().call<'last-per-topic'>({ kind: 'last-per-topic', upTo, ...bounded(request) });
    return this.#toPage(page);
  }

  async locate(start: Start, filter: Pattern): Promise<Offset> {
    if (start.kind === 'new') return this.#end;
    const nowMs = this.#dependencies.clock.nowMs();
    return this.#reading().call<'locate'>({ kind: 'locate', start, filter: filter.text, end: this.#end, nowMs });
  }

  topics({ filter, after, limit }: TopicPageRequest): Promise<readonly TopicState[]> {
    return this.#reading().call<'topics'>({ kind: 'topics', filter: filter.text, after, limit });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    await this.#ticking;
    this.#check?.stop();
    await this.#check?.ended;
    await this.#reader?.stop();
    await this.#writer?.stop();
    this.#folder.release();
  }

  #createDurables(): DurableStore {
    return {
      find: (key) => this.#reading().call<'find'>({ kind: 'find', key }),
      create: (record) => this.#writing().call<'create'>({ kind: 'create', record, id: randomUUID() }),
      deliveries: (id) => this.#reading().call<'deliveries'>({ kind: 'deliveries', id }),
      change: (id, changes) => this.#writing().call<'change'>({ kind: 'change', id, changes }),
      delete: (key) => this.#writing().call<'delete'>({ kind: 'delete', key }),
      list: (owner) => this.#reading().call<'list'>({ kind: 'list', owner }),
      parked: async (id, after, limit) => {
        const sent = await this.#reading().call<'parked'>({ kind: 'parked', id, after, limit });
        this.#damage.tell(sent.damaged);
        return unpackEvents(sent.events).map((event, i) => ({
          ...event,
          number: sent.numbers[i * 3] as number,
          attempts: sent.numbers[i * 3 + 1] as number,
          parkedAtMs: sent.numbers[i * 3 + 2] as number,
          reason: sent.reasons[i] as 'term' | 'max_deliver',
        }));
      },
    };
  }

  #writing(): WriterThread {
    if (this.#writer === undefined) throw closed();
    return this.#writer;
  }

  #reading(): ReaderThread {
    if (this.#reader === undefined) throw closed();
    return this.#reader;
  }

  async #onOpened(opened: Opened): Promise<void> {
    const { log } = this.#dependencies;
    this.#stats = opened.stats;
    if (opened.needsCheck) this.#check ??= checkInBackground(this.#folder, log, () => this.#metrics?.damaged());
    for (const warning of opened.warnings) log.error({ reason: 'EVENT_DAMAGED', folder: this.#folder.folder }, warning);
    if (!this.#isOpen) {
      this.epoch = Buffer.from(opened.epoch);
      this.ackKey = Buffer.from(opened.ackKey);
      this.#end = opened.stats.lastOffset;
      return;
    }
    await this.#catchUp(opened.stats.lastOffset);
  }

  /** A writer that died may have committed what nobody was told of. */
  async #catchUp(lastOffset: Offset): Promise<void> {
    while (this.#end < lastOffset) {
      const page = await this.#reading().call<'read'>({
        kind: 'read',
        after: this.#end,
        upTo: lastOffset,
        filter: '*',
        maxEvents: PAGE_EVENTS,
        maxBytes: PAGE_BYTES,
      });
      this.#tell(this.#toPage(page).events, page.upTo);
    }
  }

  #onCommitted(events: readonly StoredEvent[], done: Done): void {
    this.#stats = done.stats;
    this.#metrics?.committed(events.length, done.stats);
    this.#tell(events, done.stats.lastOffset);
    if (done.removals.length > 0) for (const listener of this.#removalListeners) listener(done.removals);
  }

  #tell(events: readonly StoredEvent[], end: Offset): void {
    this.#end = Math.max(this.#end, end);
    if (events.length === 0) return;
    for (const listener of this.#listeners) listener(events);
  }

  async #tick(): Promise<void> {
    const { clock, log } = this.#dependencies;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#writing()
        .call<'tick'>({ kind: 'tick' })
        .catch((error: unknown) => log.debug({ err: error }, 'upkeep of the event log is tried again'));
    }
  }

  #toPage({ events, upTo, missed, damaged }: SentPage): LogPage {
    this.#damage.tell(damaged);
    return { events: unpackEvents(events), upTo, missed };
  }
}

function bounded({ after, filter, maxEvents, maxBytes }: ReadRequest) {
  return {
    after,
    filter: filter.text,
    maxEvents: Math.min(maxEvents, PAGE_EVENTS),
    maxBytes: Math.min(maxBytes, PAGE_BYTES),
  };
}

function writerSettings(
  { folder, database }: ClaimedFolder,
  settings: LogSettings,
  { clock, reserveBytes, backgroundCheckBytes = BACKGROUND_CHECK_BYTES }: EmbeddedLogDependencies,
): WriterSettings {
  const { retentionMs, retentionBytes, retentionEventsPerTopic, dedupWindowMs, maxTopics, durablesPerOwner } = settings;
  return {
    place: { folder, database },
    ...{ retentionMs, retentionBytes, retentionEventsPerTopic, dedupWindowMs, maxTopics, durablesPerOwner },
    reserveBytes,
    backgroundCheckBytes,
    time: { nowMs: clock.nowMs(), monotonicMs: Math.floor(clock.monotonicMs()) },
  };
}
