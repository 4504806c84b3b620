/**
 * Publishers and subscribers of the event bus with the product's own client, over and over; runs in a pod of the product's image,
 * which has no tests: this file is mounted below /app, so that `#sdk` means the image's own code. The client finds the bus in the
 * mounted trust ConfigMap.
 *
 * The first argument is EventTrafficSettings as JSON. `GET /report` answers on the ops port what came of it so far, `/stop` ends the
 * publishers and waits for what they are at, `/ready` says whether each has published and every subscriber has heard of it.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CallError,
  connect,
  type Mcp2Client,
  type Publisher,
  type ReceivedEvent,
  tokenFile,
} from '#sdk/client/index.ts';

export interface EventTrafficSettings {
  readonly publisherTokenFile: string;
  readonly subscriberTokenFile: string;
  /** Each publishes one event after the other on a topic of its own, by calls. */
  readonly publishers: number;
  /** Each publishes over a stream, without waiting for what it published before. */
  readonly streams: number;
  /** Between two events of a publisher. */
  readonly pauseMs: number;
  readonly port: number;
}

/** What a subscriber saw. */
export interface Heard {
  readonly events: number;
  /** Acknowledged to the publisher, and not here. */
  readonly missing: number;
  readonly doubled: number;
  /** Events of a topic that came after a later one for the first time. */
  readonly outOfOrder: number;
  /** Streams that broke and were opened again. */
  readonly resumes: number;
  /** Why it ended; empty while it goes on. */
  readonly ended: string;
}

export interface EventTrafficReport {
  readonly published: number;
  /** Publishes that failed for good, by outcome. */
  readonly failed: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly slowestMs: number;
  /** Two events of one topic with one sequence, or with one that does not rise. */
  readonly badSequences: number;
  readonly durable: Heard;
  readonly plain: Heard;
}

const DEADLINE_MS = 120_000;
const MAX_ON_THEIR_WAY = 64;
const FILTER = 'orders:*:placed';

class Subscriber {
  readonly #counts = new Map<string, number>();
  readonly #last = new Map<string, number>();
  #outOfOrder = 0;
  #ended = '';
  #resumes = 0;

  async follow(mcp2: Mcp2Client, durable: string | undefined): Promise<void> {
    const onResume = () => {
      this.#resumes += 1;
    };
    try {
      for await (const event of mcp2.subscribe(FILTER, { durable, from: 'earliest', onResume })) {
        this.#heard(event);
        // One that is lost with the bus comes again.
        if (durable !== undefined) event.ack().catch(() => undefined);
      }
      this.#ended = 'without an error';
    } catch (error) {
      this.#ended = String(error);
    }
  }

  report(acknowledged: ReadonlySet<string>): Heard {
    const counts = [...this.#counts.values()];
    return {
      events: this.#counts.size,
      missing: [...acknowledged].filter((id) => !this.#counts.has(id)).length,
      doubled: counts.filter((count) => count > 1).length,
      outOfOrder: this.#outOfOrder,
      resumes: this.#resumes,
      ended: this.#ended,
    };
  }

  #heard({ id, topic, sequence }: ReceivedEvent): void {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count + 1);
    const last = this.#last.get(topic) ?? 0;
    if (count === 0 && sequence < last) this.#outOfOrder += 1;
    this.#last.set(topic, Math.max(last, sequence));
  }
}

class Publishers {
  readonly acknowledged = new Set<string>();
  readonly #failed = new Map<string, number>();
  readonly #lastSequence = new Map<string, number>();
  #duplicates = 0;
  #slowestMs = 0;
  #badSequences = 0;
  #isStopped = false;
  #running: readonly Promise<void>[] = [];

  start(mcp2: Mcp2Client, { publishers, streams, pauseMs }: EventTrafficSettings): void {
    const calls = Array.from({ length: publishers }, (_none, number) => this.#call(mcp2, `call${number}`, pauseMs));
    const publisher = mcp2.publisher({ pipelined: true });
    const streamed = Array.from({ length: streams }, (_none, number) =>
      this.#stream(publisher, `stream${number}`, pauseMs),
    );
    this.#running = [...calls, ...streamed];
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  report(): Omit<EventTrafficReport, 'durable' | 'plain'> {
    return {
      published: this.acknowledged.size,
      failed: Object.fromEntries(this.#failed),
      duplicates: this.#duplicates,
      slowestMs: this.#slowestMs,
      badSequences: this.#badSequences,
    };
  }

  async #call(mcp2: Mcp2Client, name: string, pauseMs: number): Promise<void> {
    for (let i = 0; !this.#isStopped; i += 1) {
      await this.#publish(mcp2, name, i);
      await sleep(pauseMs);
    }
  }

  /** With so many on their way that a bus that is killed has stored some that it had not acknowledged. */
  async #stream(publisher: Publisher, name: string, pauseMs: number): Promise<void> {
    const onTheirWay = new Set<Promise<void>>();
    for (let i = 0; !this.#isStopped; i += 1) {
      const one = this.#publish(publisher, name, i).finally(() => onTheirWay.delete(one));
      onTheirWay.add(one);
      if (onTheirWay.size >= MAX_ON_THEIR_WAY) await Promise.race(onTheirWay);
      await sleep(pauseMs);
    }
    await Promise.all(onTheirWay);
  }

  async #publish(by: Pick<Publisher, 'publish'>, name: string, number: number): Promise<void> {
    const topic = `orders:${name}:placed`;
    const id = `${name}-${number}`;
    const startedMs = Date.now();
    try {
      const { sequence, duplicate } = await by.publish(topic, { order: number }, { id, deadlineMs: DEADLINE_MS });
      this.acknowledged.add(id);
      if (duplicate) this.#duplicates += 1;
      if (sequence <= (this.#lastSequence.get(topic) ?? 0)) this.#badSequences += 1;
      this.#lastSequence.set(topic, sequence);
    } catch (error) {
      const outcome = error instanceof CallError ? (error.reason ?? String(error.code)) : String(error);
      this.#failed.set(outcome, (this.#failed.get(outcome) ?? 0) + 1);
    }
    this.#slowestMs = Math.max(this.#slowestMs, Date.now() - startedMs);
  }
}

async function main(settings: EventTrafficSettings): Promise<void> {
  const publishers = new Publishers();
  const [durable, plain] = [new Subscriber(), new Subscriber()];
  const subscriber = await connect({ token: tokenFile(settings.subscriberTokenFile) });
  const ends = [durable.follow(subscriber, 'audit'), plain.follow(subscriber, undefined)];
  publishers.start(await connect({ token: tokenFile(settings.publisherTokenFile) }), settings);
  const report = (): EventTrafficReport => ({
    ...publishers.report(),
    durable: durable.report(publishers.acknowledged),
    plain: plain.report(publishers.acknowledged),
  });
  const server = createServer(async ({ url }, response) => {
    if (url === '/stop') await publishers.stop();
    const said = report();
    const isReady =
      said.published >= settings.publishers + settings.streams && said.durable.events > 0 && said.plain.events > 0;
    response.writeHead(url !== '/ready' || isReady ? 200 : 503).end(JSON.stringify(said));
  });
  server.listen(settings.port, '0.0.0.0');
  process.on('SIGTERM', () => process.exit(0));
  await Promise.all(ends);
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as EventTrafficSettings);
