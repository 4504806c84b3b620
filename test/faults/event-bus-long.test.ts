/**
 * Subscriptions of the client at 1,000 events a second, over many tokens and over many ends: nothing is lost, nothing comes
 * twice, and neither side keeps anything.
 *
 * MCP2_TEST_FULL: one of an hour, and 10,000 that are cancelled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Mcp2Client, ReceivedEvent } from '#sdk/client/index.ts';
import { connectTo, mintFor, renewToken } from '../harness/client-events.ts';
import { encodePublishes, type LoadedBus, startLoadedBus } from '../harness/event-load/loaded-bus.ts';
import { type RawPublisher, startPublisher } from '../harness/event-load/publisher.ts';
import { eventually } from '../harness/eventually.ts';
import { seededRandom } from '../harness/hostile-files.ts';

const IS_FULL = process.env.MCP2_TEST_FULL !== undefined;
const MIB = 1024 * 1024;
const PER_SECOND = 1_000;
const TOPICS = Array.from({ length: 10 }, (_, index) => `load:long:t${index}`);
const FILTER = 'load:long:*';
const PAYLOAD_BYTES = 100;
/** Within the life of a publisher's token. */
const LAPS = IS_FULL ? 3 : 1;
const LAP_MS = IS_FULL ? 1_200_000 : 25_000;
const TOKEN_SECONDS = IS_FULL ? 120 : 5;
const CANCELLED = IS_FULL ? 10_000 : 1_000;
const READERS = 10;
/** Full at once, so that what grows afterwards is something else. */
const SETTINGS = { MCP2_EVENT_BUS_TAIL_BYTES: String(MIB) };
const LOOK_MS = 250;
const HEAP_GROWTH_BYTES = 16 * MIB;
/** From a bus that has just started: its heap, and caches of SQLite. */
const RSS_GROWTH_BYTES = 256 * MIB;
const CLIENT_GROWTH_BYTES = 16 * MIB;
const TIMEOUT_MS = LAPS * LAP_MS + 240_000;

test(
  'a subscription lives on over its tokens: nothing lost, nothing doubled, memory flat',
  async () => {
    await using bus = await startLoadedBus({ settings: SETTINGS });
    await using token = await renewToken(bus, TOKEN_SECONDS);
    using mcp2 = await connectTo(bus.target, { token: token.source });
    const resumes: string[] = [];
    const events = mcp2.subscribe(FILTER, { onResume: ({ cause }) => resumes.push(cause.message) });
    const seen = new Sequences();
    const reading = seen.readAll(events);
    await events.ready;
    using heap = new HeapFloor(bus);
    let published = 0;
    let ownHeap = 0;
    for (let lap = 0; lap < LAPS; lap += 1) {
      using publisher = await startTraffic(bus);
      await sleep(LAP_MS / 2);
      if (lap === (LAPS - 1) / 2) {
        heap.half();
        ownHeap = collectedHeap();
      }
      await sleep(LAP_MS / 2);
      published += (await publisher.ask('stop')).acknowledged;
    }
    await eventually(
      () => seen.events,
      (count) => count >= published,
      { timeoutMs: 30_000 },
    );
    await heap.expectFlat();
    expect(collectedHeap() - ownHeap).toBeLessThanOrEqual(CLIENT_GROWTH_BYTES);
    await events.close();
    await reading;
    expect({ ...seen.figures(), resumes }).toEqual({ events: published, lost: 0, doubled: 0, resumes: [] });
    expect(published).toBeGreaterThan((LAPS * LAP_MS * PER_SECOND * 0.9) / 1_000);
    expect(token.count).toBeGreaterThan(10);
  },
  TIMEOUT_MS,
);

test(
  'subscriptions that are cancelled again and again, each going on where the last one ended: nothing lost, doubled or kept',
  async () => {
    await using bus = await startLoadedBus({ settings: SETTINGS });
    using mcp2 = await connectTo(bus.target, { token: await mintFor(bus) });
    using publisher = await startTraffic(bus);
    using heap = new HeapFloor(bus);
    const half = CANCELLED / READERS / 2;
    const readers = Array.from({ length: READERS }, (_, seed) => new Sequences(seededRandom(seed + 1)));
    await Promise.all(readers.map((reader) => reader.readAndCancel(mcp2, half)));
    heap.half();
    const ownHeap = collectedHeap();
    await Promise.all(readers.map((reader) => reader.readAndCancel(mcp2, half)));
    await publisher.ask('stop');
    for (const reader of readers) expect(reader.figures()).toMatchObject({ lost: 0, doubled: 0 });
    await eventually(
      () => bus.metric('mcp2_event_bus_streams'),
      (streams) => streams === 0,
    );
    await heap.expectFlat();
    expect(collectedHeap() - ownHeap).toBeLessThanOrEqual(CLIENT_GROWTH_BYTES);
  },
  TIMEOUT_MS,
);

async function startTraffic(bus: LoadedBus): Promise<RawPublisher> {
  const { token } = await bus.caller({ ttlSeconds: 3_600 });
  const publisher = await startPublisher({
    target: bus.target,
    requests: encodePublishes(token, TOPICS, PAYLOAD_BYTES),
    inFlight: PER_SECOND,
    perSecond: PER_SECOND,
  });
  await publisher.ask('start');
  return publisher;
}

/** What one reader has seen, over all of its subscriptions. */
class Sequences {
  readonly #last = new Map<string, number>();
  readonly #random: () => number;
  #cursor: Buffer | undefined;
  #events = 0;
  #lost = 0;
  #doubled = 0;

  constructor(random: () => number = () => 0) {
    this.#random = random;
  }

  get events(): number {
    return this.#events;
  }

  figures() {
    return { events: this.#events, lost: this.#lost, doubled: this.#doubled };
  }

  async readAll(events: AsyncIterable<ReceivedEvent>): Promise<void> {
    for await (const event of events) this.#look(event);
  }

  async readAndCancel(mcp2: Mcp2Client, times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      const from = this.#cursor === undefined ? 'new' : { cursor: this.#cursor };
      let left = 1 + Math.floor(this.#random() * 20);
      for await (const event of mcp2.subscribe(FILTER, { from })) {
        this.#look(event);
        left -= 1;
        if (left === 0) break;
      }
    }
  }

  /** A first event of a topic may be any, for whoever began with new ones. */
  #look({ topic, sequence, previousSequence, cursor }: ReceivedEvent): void {
    const last = this.#last.get(topic);
    this.#events += 1;
    this.#cursor = cursor;
    if (last !== undefined && sequence <= last) this.#doubled += 1;
    else if (last !== undefined && previousSequence !== last) this.#lost += 1;
    this.#last.set(topic, Math.max(sequence, last ?? 0));
  }
}

/**
 * How low the heap of the bus falls in each half of a test: what stays behind a collection is what is kept. How much is used
 * between two of them is the collector's choice.
 */
class HeapFloor implements Disposable {
  readonly #bus: LoadedBus;
  readonly #timer: NodeJS.Timeout;
  readonly #floors: number[] = [Number.POSITIVE_INFINITY];
  readonly #rssBytes: number;

  constructor(bus: LoadedBus) {
    this.#bus = bus;
    this.#rssBytes = bus.rssBytes();
    this.#timer = setInterval(() => void this.#look().catch(() => undefined), LOOK_MS);
  }

  /** The second half begins. */
  half(): void {
    this.#floors.push(Number.POSITIVE_INFINITY);
  }

  async expectFlat(): Promise<void> {
    await this.#look();
    const [first = 0, second = 0] = this.#floors;
    expect(second - first).toBeLessThanOrEqual(HEAP_GROWTH_BYTES);
    expect(this.#bus.rssBytes() - this.#rssBytes).toBeLessThanOrEqual(RSS_GROWTH_BYTES);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const [heap, external] = await Promise.all(
      ['nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes'].map((name) => this.#bus.metric(name)),
    );
    const last = this.#floors.length - 1;
    this.#floors[last] = Math.min(this.#floors[last] as number, (heap as number) + (external as number));
  }
}

/** Of this process, which is the client. */
function collectedHeap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
