/** Where events are read: the tail while it reaches back far enough, the log before that. Nothing between the two is lost. */
import type { Envelopes } from '../envelope.ts';
import type { EventLog, Offset } from '../log/event-log.ts';
import type { Feed, TailEntry, TakeLimits } from '../tail/feed.ts';
import type { Tail } from '../tail/tail.ts';

export interface SourcePage {
  readonly entries: readonly TailEntry[];
  /** Everything that matches up to here is in `entries`, or was lost. */
  readonly upTo: Offset;
  /** Matching events that cannot be delivered any more, where there are some; 0: it is not known how many. */
  readonly gap: number | undefined;
}

export class EventSource {
  readonly #log: EventLog;
  readonly #tail: Tail;
  readonly #envelopes: Envelopes;

  constructor(log: EventLog, tail: Tail, envelopes: Envelopes) {
    this.#log = log;
    this.#tail = tail;
    this.#envelopes = envelopes;
  }

  /** Offset of the newest event. */
  get end(): Offset {
    return this.#tail.end;
  }

  /** Synchronous inside of the tail. @throws ServiceError STORE_UNAVAILABLE */
  read(feed: Feed, after: Offset, limits: TakeLimits): SourcePage | Promise<SourcePage> {
    const page = this.#tail.take(feed, after, limits);
    if (page === undefined) return this.#readLog(feed, after, limits);
    const { entries, upTo, missed } = page;
    return { entries, upTo, gap: missed > 0 ? missed : undefined };
  }

  /** @returns undefined for an event that is gone */
  async find(feed: Feed, offset: Offset): Promise<TailEntry | undefined> {
    const known = this.#tail.find(offset);
    if (known !== undefined) return known;
    const { entries } = await this.#readLog(feed, offset - 1, { maxEvents: 1, maxBytes: 1 });
    return entries[0]?.offset === offset ? entries[0] : undefined;
  }

  async #readLog(feed: Feed, after: Offset, limits: TakeLimits): Promise<SourcePage> {
    const { events, upTo, missed } = await this.#log.read({ after, filter: feed.filter, ...limits });
    const entries = events.map((event) => ({
      offset: event.offset,
      topic: event.topic,
      bytes: this.#envelopes.event(event),
    }));
    return { entries, upTo, gap: missed > 0 ? 0 : undefined };
  }
}
