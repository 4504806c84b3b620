/**
 * The newest events in memory, for live delivery: each encoded once, each compared once with all filters. The same for every
 * log. A cursor inside the tail reads nothing from the log.
 */
import { CapabilityTrie } from '#lib/capability/capability-trie.ts';
import { matches, type Pattern } from '#lib/capability/pattern.ts';
import type { Offset, Removal, StoredEvent } from '../log/event-log.ts';
import { Feed, firstAfter, GONE, type TailEntry, type TailPage, type TakeLimits } from './feed.ts';
import { Slabs } from './slabs.ts';

export interface TailOptions {
  /** Of the envelopes in memory. */
  readonly maxBytes: number;
  /** Offset of the log's last event. */
  readonly end: Offset;
  readonly encode: (event: StoredEvent) => Buffer;
}

/** What an entry takes beside its envelope, roughly: its object, its topic and references to it. */
const ENTRY_OVERHEAD = 256;
/** Of one search through the tail; the event loop gets its turn in between. */
const SEARCHED_AT_ONCE = 4_096;
/** Topics whose feeds are remembered; above that all are forgotten and found again. */
const MAX_KNOWN_TOPICS = 10_000;
const NONE: ReadonlySet<Feed> = new Set();

export class Tail {
  readonly #options: TailOptions;
  readonly #trie = new CapabilityTrie<Feed>();
  readonly #feeds = new Map<string, Feed>();
  /** Which feeds a topic goes to; forgotten whenever a feed comes or goes. */
  readonly #feedsOfTopic = new Map<string, ReadonlySet<Feed>>();
  /** Up to where retention removed the events of a topic, of those topics whose events are still in memory. */
  readonly #removed = new Map<string, Offset>();
  readonly #isRemoved = ({ topic, offset }: TailEntry): boolean => offset <= (this.#removed.get(topic) ?? 0);
  readonly #slabs = new Slabs();
  #entries: TailEntry[] = [];
  #head = 0;
  #bytes = 0;
  #start: Offset;
  #end: Offset;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#start = this.#end = options.end;
  }

  /** Everything after this offset is in memory. */
  get start(): Offset {
    return this.#start;
  }

  /** Offset of the last event. */
  get end(): Offset {
    return this.#end;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get events(): number {
    return this.#entries.length - this.#head;
  }

  append(events: readonly StoredEvent[]): void {
    const reached = new Set<Feed>();
    for (const event of events) {
      const { offset, topic } = event;
      const entry = { offset, topic, bytes: this.#slabs.copy(this.#options.encode(event)) };
      this.#entries.push(entry);
      this.#bytes += sizeOf(entry);
      this.#end = offset;
      for (const feed of this.#feedsFor(topic)) {
        feed.push(entry);
        reached.add(feed);
      }
    }
    while (this.#bytes > this.#options.maxBytes) this.#evict();
    for (const feed of reached) for (const listener of feed.listeners) listener();
  }

  /** One for all who have the same filter; to be let go with `release`. */
  open(filter: Pattern): Feed {
    let feed = this.#feeds.get(filter.text);
    if (feed === undefined) {
      feed = new Feed(filter, this.#end);
      this.#feeds.set(filter.text, feed);
      this.#trie.add(filter, feed);
      this.#feedsOfTopic.clear();
    }
    feed.users += 1;
    return feed;
  }

  release(feed: Feed): void {
    feed.users -= 1;
    if (feed.users > 0) return;
    this.#feeds.delete(feed.filter.text);
    this.#trie.remove(feed.filter, feed);
    this.#feedsOfTopic.clear();
  }

  /** @returns undefined when the tail does not reach back to `after`: then the log has to be asked */
  take(feed: Feed, after: Offset, limits: TakeLimits): TailPage | undefined {
    if (after < this.#start) return undefined;
    const isRemoved = this.#removed.size === 0 ? undefined : this.#isRemoved;
    return feed.take(after, this.#end, limits, isRemoved) ?? this.#search(feed.filter, after, limits);
  }

  /** Retention removed these from the log: they are not handed out any more. */
  remove(removals: readonly Removal[]): void {
    for (const { topic, upTo } of removals) {
      if (topic === undefined) this.#evictUpTo(upTo);
      else if (upTo > this.#start) this.#removed.set(topic, upTo);
    }
  }

  /** The entry at an offset; undefined when the tail does not have it. */
  find(offset: Offset): TailEntry | undefined {
    const entry = this.#entries[firstAfter(this.#entries, this.#head, offset - 1)];
    return entry?.offset === offset && !this.#isRemoved(entry) ? entry : undefined;
  }

  #search(filter: Pattern, after: Offset, { maxEvents, maxBytes }: TakeLimits): TailPage {
    const entries: TailEntry[] = [];
    let bytes = 0;
    let missed = 0;
    let upTo = after;
    let i = firstAfter(this.#entries, this.#head, after);
    const last = Math.min(this.#entries.length, i + SEARCHED_AT_ONCE);
    for (; i < last; i++) {
      const entry = this.#entries[i] as TailEntry;
      const isWanted = matches(filter, topicPattern(entry.topic));
      if (isWanted && this.#isRemoved(entry)) missed += 1;
      else if (isWanted) {
        bytes += entry.bytes.length;
        if (entries.length === maxEvents || (bytes > maxBytes && entries.length > 0)) return { entries, upTo, missed };
        entries.push(entry);
      }
      upTo = entry.offset;
    }
    return { entries, upTo: i === this.#entries.length ? this.#end : upTo, missed };
  }

  #feedsFor(topic: string): ReadonlySet<Feed> {
    if (this.#feeds.size === 0) return NONE;
    const known = this.#feedsOfTopic.get(topic);
    if (known !== undefined) return known;
    const found = this.#trie.find(topicPattern(topic));
    if (this.#feedsOfTopic.size >= MAX_KNOWN_TOPICS) this.#feedsOfTopic.clear();
    // A copy: the trie may hand out its own set.
    this.#feedsOfTopic.set(topic, new Set(found));
    return found;
  }

  #evictUpTo(upTo: Offset): void {
    while (this.#head < this.#entries.length && (this.#entries[this.#head] as TailEntry).offset <= upTo) this.#evict();
    if (this.#start < upTo) this.#start = Math.min(upTo, this.#end);
  }

  #evict(): void {
    const entry = this.#entries[this.#head] as TailEntry;
    this.#entries[this.#head] = GONE;
    this.#head += 1;
    this.#bytes -= sizeOf(entry);
    this.#start = entry.offset;
    for (const feed of this.#feedsFor(entry.topic)) feed.evict(entry);
    if ((this.#removed.get(entry.topic) ?? Number.POSITIVE_INFINITY) <= this.#start) this.#removed.delete(entry.topic);
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

function sizeOf({ bytes }: TailEntry): number {
  return bytes.length + ENTRY_OVERHEAD;
}

/** A topic was checked when it was published. */
function topicPattern(topic: string): Pattern {
  return { text: topic, atoms: topic.split(':'), hasRest: false };
}
