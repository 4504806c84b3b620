/** What is said between the embedded log and its two workers. All of it is plain data. */
import type {
  DurableChanges,
  DurableKey,
  DurableRecord,
  DurableSummary,
  Offset,
  PendingDelivery,
  Removal,
  Start,
  TopicPageRequest,
  TopicState,
} from '../event-log.ts';
import type { LogPlace, SentError, SentRefusal } from './errors.ts';
import type { PackedAppends } from './packed-appends.ts';
import type { PackedEvents } from './packed-events.ts';

/** What the writer is started with. */
export interface WriterSettings {
  readonly place: LogPlace;
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly retentionEventsPerTopic: number;
  readonly dedupWindowMs: number;
  readonly maxTopics: number;
  readonly durablesPerOwner: number;
  /** Space that publishing leaves free on the disk; undefined: what `disk-space.ts` thinks fit. */
  readonly reserveBytes: number | undefined;
  /** Above it the structure is checked while the log is used already. */
  readonly backgroundCheckBytes: number;
  readonly time: WriterTime;
}

/** Time is the owner's: a worker asks no clock. */
export interface WriterTime {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export type WriterCall =
  | { readonly kind: 'create'; readonly record: Omit<DurableRecord, 'id' | 'lastUsedMs'>; readonly id: string }
  | { readonly kind: 'change'; readonly id: string; readonly changes: DurableChanges }
  | { readonly kind: 'delete'; readonly key: DurableKey }
  /** Once a second: retention, what is forgotten, the head. */
  | { readonly kind: 'tick' };

export interface WriterAnswers {
  readonly create: DurableRecord;
  readonly change: boolean;
  readonly delete: boolean;
  readonly tick: undefined;
}

/** What was asked in one turn of the owner's. */
export interface Work {
  readonly kind: 'work';
  readonly time: WriterTime;
  readonly appends: PackedAppends;
  readonly calls: readonly WriterCall[];
}

export type ToWriter = Work | { readonly kind: 'stop' };

export type CallAnswer = { readonly value: unknown } | { readonly error: SentError };

/** What one transaction did: for the first appends and calls that were not answered yet, in their order. */
export interface Done {
  readonly kind: 'done';
  /** `RESULT_NUMBERS` an append: see `APPENDED`. */
  readonly results: Float64Array<ArrayBuffer>;
  /** By the append's place among the results. */
  readonly errors: readonly (readonly [index: number, error: SentError])[];
  readonly answers: readonly CallAnswer[];
  /** What retention removed. */
  readonly removals: readonly Removal[];
  readonly stats: LogStats;
}

export const RESULT_NUMBERS = 5;
/** First number of a result. The others are offset, sequence, previous, time. */
export const APPENDED = {
  /** An event of a topic that the log knew. */
  known: 0,
  /** The first event of a topic. */
  newTopic: 1,
  duplicate: 2,
  /** Only a duplicate was asked for, and it is none. */
  nothing: 3,
  refused: 4,
} as const;

export interface LogStats {
  readonly lastOffset: Offset;
  readonly events: number;
  readonly bytes: number;
  readonly topics: number;
  readonly durables: number;
  readonly parked: number;
  readonly isFull: boolean;
  readonly freeBytes: number;
  /** How long the last commit took, in seconds. */
  readonly commitSeconds: number;
}

export type FromWriter =
  | {
      readonly kind: 'opened';
      readonly epoch: Uint8Array;
      readonly ackKey: Uint8Array;
      readonly stats: LogStats;
      /** Rows that were found damaged, for the log of the process. */
      readonly warnings: readonly string[];
      readonly needsCheck: boolean;
    }
  | { readonly kind: 'refused'; readonly refusal: SentRefusal }
  | Done
  /** The head could not be written, or what is like it: for the log of the process. */
  | { readonly kind: 'warning'; readonly message: string };

export interface PageRequest {
  readonly after: Offset;
  /** Nothing behind it is returned. */
  readonly upTo: Offset;
  readonly filter: string;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** A filter as text: the worker compiles it. */
export type ReaderRequest =
  | ({ readonly kind: 'read' } & PageRequest)
  | ({ readonly kind: 'last-per-topic' } & PageRequest)
  | {
      readonly kind: 'locate';
      readonly start: Exclude<Start, { kind: 'new' }>;
      readonly filter: string;
      readonly end: Offset;
      readonly nowMs: number;
    }
  | ({ readonly kind: 'topics' } & Omit<TopicPageRequest, 'filter'> & { readonly filter: string })
  | { readonly kind: 'find'; readonly key: DurableKey }
  | { readonly kind: 'deliveries'; readonly id: string }
  | { readonly kind: 'list'; readonly owner: string }
  | { readonly kind: 'parked'; readonly id: string; readonly after: number; readonly limit: number };

export interface SentPage {
  readonly events: PackedEvents;
  readonly upTo: Offset;
  readonly missed: number;
  readonly damaged: readonly DamagedEvent[];
}

/** For the log of the process. */
export interface DamagedEvent {
  readonly offset: Offset;
  readonly topic: string;
  readonly sequence: number;
}

export interface SentParked {
  readonly events: PackedEvents;
  /** Number, attempts and time of each. */
  readonly numbers: readonly number[];
  readonly reasons: readonly ('term' | 'max_deliver')[];
  readonly damaged: readonly DamagedEvent[];
}

export interface ReaderAnswers {
  readonly read: SentPage;
  readonly 'last-per-topic': SentPage;
  readonly locate: Offset;
  readonly topics: readonly TopicState[];
  readonly find: DurableRecord | undefined;
  readonly deliveries: readonly PendingDelivery[];
  readonly list: readonly DurableSummary[];
  readonly parked: SentParked;
}

export interface ReaderCall {
  readonly id: number;
  readonly request: ReaderRequest;
}

export type ToReader = ReaderCall | { readonly kind: 'stop' };

export type FromReader =
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly refusal: SentRefusal }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: SentError };
