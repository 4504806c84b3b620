/** The program of `sinks.ts`. */
import { FrameConnection, type FrameStream } from './http2-frames.ts';
import { answerQuestions, machineMs } from './load-process.ts';
import { MessageWalker } from './message-walker.ts';
import type { SinkCounts, SinkReport, SinksConfig } from './sinks.ts';
import { grpcFrame, sequenceOf } from './wire.ts';

const PATH = '/mcp2.EventBus/Subscribe';

interface Subscriber {
  readonly walker: MessageWalker;
  readonly stream: FrameStream;
  readonly seen: Seen;
}

interface Seen {
  controls: number;
  first: number;
  last: number;
  lost: number;
  doubled: number;
  ended: string | undefined;
}

if (import.meta.main) run(JSON.parse(process.argv[2] ?? '{}') as SinksConfig);

function run({ target, requests, connections, windowBytes, checked }: SinksConfig): void {
  const window = windowBytes === undefined ? {} : { windowBytes };
  const lines = Array.from({ length: connections }, () => new FrameConnection({ target, ...window }));
  const subscribers = requests.map((request, index) => {
    const line = lines[index % connections] as FrameConnection;
    return subscribe(line, Buffer.from(request, 'base64'), checked);
  });
  const onStreams = (act: (stream: FrameStream) => void) => (indexes: readonly number[]) => {
    for (const index of indexes) act((subscribers[index] as Subscriber).stream);
  };
  const onLines = (act: (line: FrameConnection) => void) => (indexes: readonly number[]) => {
    for (const index of indexes) act(lines[index] as FrameConnection);
  };
  answerQuestions({
    count: () => count(subscribers),
    report: () => subscribers.map(report),
    hold: onStreams((stream) => stream.hold()),
    release: onStreams((stream) => stream.release()),
    pause: onLines((line) => line.pause()),
    resume: onLines((line) => line.resume()),
    breakOff: onLines((line) => line.breakOff()),
  });
}

function subscribe(line: FrameConnection, request: Buffer, checked: boolean): Subscriber {
  const seen: Seen = { controls: 0, first: 0, last: 0, lost: 0, doubled: 0, ended: undefined };
  const walker = new MessageWalker(checked ? (envelope) => look(seen, envelope) : undefined);
  const stream = line.open(PATH, {
    onData: (bytes) => walker.push(bytes),
    onEnd: (how) => {
      seen.ended = how;
    },
  });
  if (!stream.end(grpcFrame(request))) throw new Error('the request does not fit into the window');
  return { walker, stream, seen };
}

function look(seen: Seen, envelope: Buffer): void {
  const sequence = sequenceOf(envelope);
  if (sequence === undefined) {
    seen.controls += 1;
    return;
  }
  if (seen.first === 0) seen.first = sequence;
  else if (sequence <= seen.last) seen.doubled += 1;
  else seen.lost += sequence - seen.last - 1;
  seen.last = Math.max(seen.last, sequence);
}

function count(subscribers: readonly Subscriber[]): SinkCounts {
  const { user, system } = process.cpuUsage();
  return {
    atMs: machineMs(),
    cpuMicroseconds: user + system,
    events: subscribers.map(({ walker, seen }) => walker.count - seen.controls),
  };
}

function report({ walker, seen }: Subscriber): SinkReport {
  return {
    events: walker.count - seen.controls,
    firstSequence: seen.first,
    lastSequence: seen.last,
    lost: seen.lost,
    doubled: seen.doubled,
    ended: seen.ended,
  };
}
