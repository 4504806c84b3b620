/**
 * What the bus asks of a log of events: one suite (test/conformance/event-bus) holds for every implementation.
 *
 * A log keeps events in the order of their offsets, gives each the next sequence of its topic, and remembers durable
 * subscriptions with what they have in flight. It knows no caller's rights and no stream: those are the bus'.
 */
import type { Pattern } from '#lib/capability/pattern.ts';

/**
 * Position of an event in the log: rises from event to event, is never reused within an epoch. At most 2^53 - 1. As a place
 * to read from, "after this one"; 0 is before the first.
 */
export type Offset = number;

export interface NewEvent {
  /** Its form was checked. */
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Empty: every append is an event. Otherwise the same id of one publisher on one topic within the window is one event. */
  readonly eventId: string;
  /** `sub` of the publisher, as subscribers see it. */
  readonly publisher: string;
  /** Whose event ids these are: a hash of issuer and sub. */
  readonly publisherKey: string;
  /** Undefined: not checked. 0: the topic has no event yet. */
  readonly expectedLastSequence: number | undefined;
  /** Nothing is appended: only whether it is a duplicate is wanted. Default false. */
  readonly duplicateOnly?: boolean;
  /** Nothing is appended to a topic that the log does not know. Default false. */
  readonly knownTopicOnly?: boolean;
}

export interface Appended {
  readonly offset: Offset;
  readonly sequence: number;
  /** The event was there already; offset and sequence are the first one's. */
  readonly duplicate: boolean;
  /** The log knew no event of this topic. */
  readonly isNewTopic: boolean;
}

export interface StoredEvent {
  readonly offset: Offset;
  readonly topic: string;
  readonly sequence: number;
  /** Sequence of the topic's event before this one if the log still knew it, else 0. */
  readonly previous: number;
  /** Milliseconds since the Unix epoch. Never falls along a log. */
  readonly publishedAtMs: number;
  readonly publisher: string;
  readonly eventId: string;
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

export interface ReadRequest {
  readonly after: Offset;
  readonly filter: Pattern;
  /** At most 256. */
  readonly maxEvents: number;
  /** At most 1 MiB; one event is returned however large it is. */
  readonly maxBytes: number;
}

export interface LogPage {
  /** In the order of their offsets. */
  readonly events: readonly StoredEvent[];
  /** Everything that matches up to here is in `events`, or was lost. At least `after`. */
  readonly upTo: Offset;
  /**
   * At least so many matching events after `after` cannot be delivered any more: removed by retention, or damaged. 0: none is
   * lost.
   */
  readonly missed: number;
}

/** Where a subscription begins. */
export type Start =
  | { readonly kind: 'new' }
  /** The oldest event that is retained. */
  | { readonly kind: 'earliest' }
  /** The first event of this one topic with this sequence or a higher one. */
  | { readonly kind: 'sequence'; readonly topic: string; readonly sequence: number }
  | { readonly kind: 'offset'; readonly after: Offset }
  /** The first event published at this time or later, in milliseconds since the Unix epoch. */
  | { readonly kind: 'time'; readonly ms: number };

export interface TopicPageRequest {
  readonly filter: Pattern;
  /** Name of the last topic of the page before; "" for the first page. */
  readonly after: string;
  readonly limit: number;
}

export interface TopicState {
  readonly topic: string;
  /** 0: no event is retained. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly events: number;
  /** With 100 bytes of overhead an event. */
  readonly bytes: number | undefined;
  readonly lastPublishedAtMs: number;
}

/** Every event up to an offset. */
export interface Removal {
  readonly upTo: Offset;
  /** Undefined: of all topics. */
  readonly topic: string | undefined;
}

export interface EventLog {
  /** 8 random bytes; new after a restore. A cursor of another epoch means nothing here. */
  readonly epoch: Buffer;
  /** 32 random bytes that change with the epoch alone. */
  readonly ackKey: Buffer;
  /** Offset of the last event that `follow` has told of; of the log's last event at the start. */
  readonly end: Offset;
  readonly durables: DurableStore;

  /**
   * Resolves when the log holds the event durably. Appends of one topic take effect in the order of their calls. Undefined
   * for an event that is not appended since it was asked for as `duplicateOnly` or `knownTopicOnly`.
   *
   * @throws ServiceError EVENT_ID_REUSED, SEQUENCE_MISMATCH (metadata `last_sequence`), LOG_FULL (RetryInfo), QUOTA_EXCEEDED
   *   for one topic too many, STORE_UNAVAILABLE when it is not known whether the event was appended
   */
  append(event: NewEvent): Promise<Appended>;
  append(event: NewEvent & { readonly duplicateOnly: true }): Promise<Appended | undefined>;
  append(event: NewEvent & { readonly knownTopicOnly: true }): Promise<Appended | undefined>;

  /**
   * Tells of every event appended from now on, in order, in groups as they were committed, before the promises of their
   * appends resolve. The listener must not throw.
   */
  follow(listener: (events: readonly StoredEvent[]) => void): void;

  /** Tells of what retention removes from now on: whoever keeps events in memory must not hand those out any more. */
  followRemovals(listener: (removals: readonly Removal[]) => void): void;

  /** @throws ServiceError STORE_UNAVAILABLE */
  read(request: ReadRequest): Promise<LogPage>;

  /** The newest event of each topic that matches, of those with an offset in (after, upTo], in the order of their offsets. */
  readLastPerTopic(request: ReadRequest & { readonly upTo: Offset }): Promise<LogPage>;

  /**
   * @returns the offset after which to read
   * @throws ServiceError BEFORE_RETENTION when matching events after that point were removed (metadata `earliest_cursor`,
   *   and `earliest_sequence` for a filter without wildcards); START_IN_FUTURE
   */
  locate(start: Start, filter: Pattern): Promise<Offset>;

  topics(request: TopicPageRequest): Promise<readonly TopicState[]>;

  /** Finishes what was begun. Appends and reads after it are refused with SHUTTING_DOWN. */
  close(): Promise<void>;
}

/** Whose durable subscription: a hash of issuer and sub, and the name below it. */
export interface DurableKey {
  readonly owner: string;
  readonly name: string;
}

export interface DurableRecord extends DurableKey {
  /** Random, made anew with each creation; acknowledgements of one that was deleted mean nothing to the next. */
  readonly id: string;
  readonly filter: string;
  readonly explicitAck: boolean;
  /** Everything up to here was delivered at least once, or is in `deliveries`. */
  readonly position: Offset;
  readonly lastUsedMs: number;
}

/** An event that was delivered and is not settled. */
export interface PendingDelivery {
  readonly offset: Offset;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Not to be delivered again before this time (nack with a delay), in milliseconds since the Unix epoch; 0: at once. */
  readonly notBeforeMs: number;
}

export interface DurableChanges {
  readonly position?: Offset;
  /** Written over what was there for the same offset. */
  readonly delivered?: readonly PendingDelivery[];
  readonly settled?: readonly Offset[];
  /** Copied aside, then settled. Of an event that is gone nothing is kept. */
  readonly parked?: readonly ParkedDelivery[];
}

export interface ParkedDelivery {
  readonly offset: Offset;
  readonly reason: 'term' | 'max_deliver';
  readonly attempts: number;
}

export interface ParkedEvent extends StoredEvent, Pick<ParkedDelivery, 'reason' | 'attempts'> {
  /** Its place among what this subscription has parked: rises from 1, never reused. */
  readonly number: number;
  readonly parkedAtMs: number;
}

export interface DurableSummary extends DurableRecord {
  /** Events not delivered yet. */
  readonly pending: number;
  readonly inFlight: number;
  readonly parked: number;
}

/** Everything that a durable subscription must not forget. Each method's promise resolves when the change is durable. */
export interface DurableStore {
  find(key: DurableKey): Promise<DurableRecord | undefined>;
  /** @throws ServiceError QUOTA_EXCEEDED when the owner has as many as it may, FILTER_FIXED when there is another one */
  create(record: Omit<DurableRecord, 'id' | 'lastUsedMs'>): Promise<DurableRecord>;
  /** In the order of their offsets. */
  deliveries(id: string): Promise<readonly PendingDelivery[]>;
  /** Also counts as use, even where nothing changes. @returns false, and nothing was done, for one that was deleted */
  change(id: string, changes: DurableChanges): Promise<boolean>;
  /** With its parked events. @returns whether there was one */
  delete(key: DurableKey): Promise<boolean>;
  list(owner: string): Promise<readonly DurableSummary[]>;
  /** Parked events with a number above `after`, in order. */
  parked(id: string, after: number, limit: number): Promise<readonly ParkedEvent[]>;
}
