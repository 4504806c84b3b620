/** The program of `publisher.ts`. */
import { FrameConnection, type FrameStream } from './http2-frames.ts';
import { answerQuestions, machineMs } from './load-process.ts';
import { MessageWalker } from './message-walker.ts';
import type { PublisherConfig, PublisherCounts } from './publisher.ts';
import { grpcFrame, isRefusal } from './wire.ts';

const PATH = '/mcp2.EventBus/PublishStream';
/** Messages that go into one frame. */
const JOINED_BYTES = 8_192;
const TICK_MS = 5;

class Publisher {
  readonly #config: PublisherConfig;
  readonly #frames: readonly Buffer[];
  readonly #stream: FrameStream;
  #sent = 0;
  #acknowledged = 0;
  #lastProgressMs = 0;
  #longestWaitMs = 0;
  #failure: string | undefined;
  #runs = false;
  #startedMs = 0;
  #sentAtStart = 0;
  #timer: NodeJS.Timeout | undefined;
  #onSettled: (() => void) | undefined;

  constructor(config: PublisherConfig) {
    this.#config = config;
    this.#frames = config.requests.map((request) => grpcFrame(Buffer.from(request, 'base64')));
    const walker = new MessageWalker((ack) => this.#settle(ack));
    this.#stream = new FrameConnection({ target: config.target }).open(PATH, {
      onData: (bytes) => {
        this.#progress();
        walker.push(bytes);
        this.#fill();
      },
      onRoom: () => this.#fill(),
      onEnd: (how) => this.#fail(`the stream ended: ${how}`),
    });
  }

  start(): void {
    this.#runs = true;
    this.#startedMs = machineMs();
    this.#sentAtStart = this.#sent;
    if (this.#config.perSecond !== undefined) this.#timer = setInterval(() => this.#fill(), TICK_MS);
    this.#fill();
  }

  async stop(): Promise<PublisherCounts> {
    this.#runs = false;
    clearInterval(this.#timer);
    if (this.#acknowledged < this.#sent && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
      });
    }
    return this.count();
  }

  count(): PublisherCounts {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    const { user, system } = process.cpuUsage();
    const cpuMicroseconds = user + system;
    return { atMs: machineMs(), cpuMicroseconds, acknowledged: this.#acknowledged, longestWaitMs: this.#longestWaitMs };
  }

  #fill(): void {
    while (this.#runs) {
      const batch = this.#next(this.#room());
      if (batch.length === 0 || !this.#stream.send(Buffer.concat(batch))) return;
      if (this.#sent === this.#acknowledged) this.#lastProgressMs = performance.now();
      this.#sent += batch.length;
    }
  }

  #room(): number {
    const { inFlight, perSecond, total = Number.POSITIVE_INFINITY } = this.#config;
    const free = Math.min(inFlight - (this.#sent - this.#acknowledged), total - this.#sent);
    if (perSecond === undefined) return free;
    const due = Math.floor(((machineMs() - this.#startedMs) / 1000) * perSecond) - (this.#sent - this.#sentAtStart);
    return Math.min(free, due);
  }

  #next(room: number): Buffer[] {
    const batch: Buffer[] = [];
    for (let bytes = 0; batch.length < room; ) {
      const frame = this.#frameOf(this.#sent + batch.length);
      bytes += frame.length;
      if (bytes > JOINED_BYTES && batch.length > 0) break;
      batch.push(frame);
    }
    return batch;
  }

  #frameOf(index: number): Buffer {
    const [first, ...others] = this.#frames;
    return (index === 0 ? first : others[(index - 1) % others.length]) as Buffer;
  }

  #progress(): void {
    const nowMs = performance.now();
    this.#longestWaitMs = Math.max(this.#longestWaitMs, nowMs - this.#lastProgressMs);
    this.#lastProgressMs = nowMs;
  }

  #settle(ack: Buffer): void {
    if (isRefusal(ack)) this.#fail(`refused: ${ack.toString('latin1').replaceAll(/[^ -~]+/g, ' ')}`);
    this.#acknowledged += 1;
    if (!this.#runs && this.#acknowledged === this.#sent) this.#onSettled?.();
  }

  #fail(why: string): void {
    this.#failure ??= why;
    this.#runs = false;
    this.#onSettled?.();
  }
}

if (import.meta.main) {
  const publisher = new Publisher(JSON.parse(process.argv[2] ?? '{}') as PublisherConfig);
  answerQuestions({
    start: () => publisher.start(),
    stop: () => publisher.stop(),
    count: () => publisher.count(),
  });
}
