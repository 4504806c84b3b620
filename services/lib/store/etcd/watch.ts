/**
 * A watch on etcd that outlives its connections: one stream after another, on whatever member answers, each from
 * where the cursor stands.
 *
 * etcd3's own watcher is not used: it loses events when a connection breaks during a replay, and says nothing.
 */
import type { IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { CompactedError, type Revision, type WatchBatch } from '../store.ts';
import { type EtcdCalls, StreamTrouble, toStoreError } from './calls.ts';
import { rangeEnd, toRevision } from './codec.ts';
import { type Member, type Members, requireLeader } from './members.ts';
import { WatchCursor } from './watch-cursor.ts';

export interface WatchContext {
  readonly members: Members;
  readonly calls: EtcdCalls;
  readonly clock: Clock;
  readonly random: () => number;
  /** Until etcd must have said that the watch stands. */
  readonly attemptTimeoutMs: number;
  /** How long etcd may be away before the watch gives up. */
  readonly patienceMs: number;
}

export interface WatchRequest {
  readonly prefix: string;
  readonly fromRevision: Revision;
  readonly signal: AbortSignal;
}

/**
 * How often a quiet watch says that its connection lives. The contract asks for 10 s; etcd's own notices come every
 * 10 minutes by default, and asking it for one is not safe before 3.4.25 and 3.5.8 (etcd issue 15220).
 */
const MARK_INTERVAL_MS = 5_000;

/** @throws CompactedError, ServiceError STORE_UNAVAILABLE */
export async function* watchPrefix(context: WatchContext, request: WatchRequest): AsyncGenerator<WatchBatch, void> {
  const { clock, random, patienceMs } = context;
  const { signal } = request;
  const cursor = new WatchCursor(request.fromRevision);
  const backoff = new Backoff({ baseMs: 100, capMs: 1_000, random });
  let lastContactMs = clock.monotonicMs();
  while (!signal.aborted) {
    try {
      for await (const batch of watchOnce(context, request, cursor)) {
        yield batch;
        backoff.reset();
        lastContactMs = clock.monotonicMs();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CompactedError) throw error;
      if (clock.monotonicMs() - lastContactMs > patienceMs) throw toStoreError(error);
    }
    await clock.sleep(backoff.nextMs(), signal).catch(() => undefined);
  }
}

/** One stream, until it breaks. */
async function* watchOnce(
  context: WatchContext,
  request: WatchRequest,
  cursor: WatchCursor,
): AsyncGenerator<WatchBatch> {
  const member = context.members.current;
  const stream = await openStream(member, request, cursor.begin());
  const cancel = () => endStream(stream);
  request.signal.addEventListener('abort', cancel, { once: true });
  try {
    const responses = new Responses(stream, context.clock);
    const first = await responses.next(context.attemptTimeoutMs);
    if (first === 'quiet') throw new StreamTrouble('the member did not confirm the watch in time');
    const established = cursor.accept(first);
    await checkNotRestored(context, request.prefix, { cursor, seen: toRevision(first.header.revision) });
    if (established) yield established;
    // A member whose client was replaced is left between two answers: nothing breaks, and the cursor stands.
    while (context.members.includes(member)) {
      const response = await responses.next(MARK_INTERVAL_MS);
      const batch = response === 'quiet' ? { events: [], revision: cursor.delivered } : cursor.accept(response);
      if (batch) yield batch;
    }
  } catch (error) {
    if (!request.signal.aborted && !(error instanceof CompactedError)) context.members.failed(member);
    throw error;
  } finally {
    request.signal.removeEventListener('abort', cancel);
    cancel();
  }
}

type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse> & AsyncIterable<IWatchResponse>;

async function openStream({ streams }: Member, { prefix }: WatchRequest, start: Revision): Promise<WatchStream> {
  // etcd3's type leaves out that it is a Node stream.
  const stream = (await streams.watchClient.watch({ interceptors: [requireLeader] })) as WatchStream;
  stream.write({
    create_request: {
      key: Buffer.from(prefix),
      range_end: rangeEnd(prefix),
      start_revision: start,
      progress_notify: true,
      fragment: true,
    },
  });
  return stream;
}

/** In this order: etcd3 takes the error of a stream that is canceled while writable for a failure of the member. */
function endStream(stream: WatchStream): void {
  stream.end();
  stream.cancel();
}

/**
 * A store restored from a backup may be behind what we have delivered; a watch on it would stay silent until it gets
 * there again. A member may be behind for a moment without harm, so a linearizable read decides.
 */
async function checkNotRestored(
  { calls }: WatchContext,
  prefix: string,
  { cursor, seen }: { cursor: WatchCursor; seen: Revision },
): Promise<void> {
  if (seen >= cursor.delivered) return;
  const request = { key: Buffer.from(prefix), range_end: rangeEnd(prefix), count_only: true };
  const { header } = await calls.repeat((member, options) => member.calls.kv.range(request, options));
  if (toRevision(header.revision) < cursor.delivered) throw new CompactedError();
}

/** The stream's answers, one at a time and with a time limit; reading no further holds etcd back. */
class Responses {
  readonly #iterator: AsyncIterator<IWatchResponse>;
  readonly #clock: Clock;
  #pending: Promise<IteratorResult<IWatchResponse>> | undefined;

  constructor(stream: WatchStream, clock: Clock) {
    this.#iterator = stream[Symbol.asyncIterator]();
    this.#clock = clock;
  }

  /** @throws StreamTrouble when the stream ended, its error when it broke */
  async next(timeoutMs: number): Promise<IWatchResponse | 'quiet'> {
    if (this.#pending === undefined) {
      this.#pending = this.#iterator.next();
      // Whoever stops reading leaves a read behind, which fails when the stream is canceled.
      this.#pending.catch(() => undefined);
    }
    const answered = new AbortController();
    const quiet = this.#clock.sleep(timeoutMs, answered.signal).then(
      () => 'quiet' as const,
      () => 'quiet' as const,
    );
    try {
      const result = await Promise.race([this.#pending, quiet]);
      if (result === 'quiet') return result;
      this.#pending = undefined;
      if (result.done) throw new StreamTrouble('the stream ended');
      return result.value;
    } finally {
      answered.abort();
    }
  }
}
