import { Client, Metadata, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { clientStream } from '#lib/grpc/client-stream.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { type ServerStreamHandler, serverStream } from '#lib/grpc/server-stream.ts';
import { reasonOf } from '#lib/grpc/status.ts';
import type { StreamOptions } from '#lib/grpc/stream-call.ts';
import type { HeartbeatRequest__Output } from '#protos/generated/mcp2/HeartbeatRequest.ts';
import type { HeartbeatResponse } from '#protos/generated/mcp2/HeartbeatResponse.ts';
import type { WatchEvent } from '#protos/generated/mcp2/WatchEvent.ts';
import type { WatchRequest__Output } from '#protos/generated/mcp2/WatchRequest.ts';
import { loadServices } from '#protos/load.ts';
import { eventually } from '../harness/eventually.ts';
import { type GrpcServerOptions, startGrpcServer, type TestGrpcServer } from '../harness/grpc-server.ts';

const { ContextTool, Discovery } = loadServices();

type Watch = ServerStreamHandler<WatchRequest__Output, WatchEvent>;
type Heartbeat = (
  requests: AsyncIterable<HeartbeatRequest__Output>,
  call: Parameters<Watch>[1],
) => AsyncIterable<HeartbeatResponse>;

const serveWatch = (watch: Watch, options: GrpcServerOptions & StreamOptions = {}) =>
  startGrpcServer([implement(Discovery, { Watch: serverStream(watch, options) })], options);

const serveHeartbeat = (heartbeat: Heartbeat, options: GrpcServerOptions & StreamOptions = {}) =>
  startGrpcServer([implement(Discovery, { Heartbeat: bidiStream(heartbeat, options) })], options);

/** What a stream delivered, and why it ended. */
async function collect(stream: AsyncIterable<{ readonly revision: number }>) {
  const revisions: number[] = [];
  try {
    for await (const { revision } of stream) revisions.push(revision);
    return { revisions, error: undefined };
  } catch (error) {
    return { revisions, error };
  }
}

/** A reader that takes one message and then nothing until told to: grpc-js' own client, paused. */
async function openSlowReader({ target }: TestGrpcServer) {
  const client = new Client(target, plaintextClient());
  const { path, requestSerialize, responseDeserialize } = Discovery.Watch;
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, new Metadata());
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('data', resolve));
  stream.pause();
  return {
    /** Reads to the end. Resolves to the number of messages; rejects with the error that the stream ended with. */
    async readOn(): Promise<number> {
      let messages = 0;
      for await (const _message of stream) messages += 1;
      return messages;
    },
    close(): void {
      stream.cancel();
      client.close();
    },
  };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('messages arrive in order and the stream ends', async () => {
  await using server = await serveWatch(async function* () {
    for (let revision = 1; revision <= 500; revision += 1) yield { revision };
  });
  const { revisions, error } = await collect(server.client(Discovery).serverStream('Watch', {}));
  expect(error).toBeUndefined();
  expect(revisions).toEqual(Array.from({ length: 500 }, (_value, index) => index + 1));
  expect(server.ends.map(({ code }) => code)).toEqual([status.OK]);
});

test('a slow reader holds its producer back, and gets everything once it reads', async () => {
  const total = 400;
  const endpoint = { grpc_url: 'x'.repeat(64 * 1024) };
  let produced = 0;
  await using server = await serveWatch(async function* () {
    for (; produced < total; produced += 1) yield { revision: produced, endpoint };
  });
  const reader = await openSlowReader(server);
  // 16 messages in each of the two grpc-js, and what fits into the windows of HTTP/2: far from 400 × 64 KiB.
  expect(await stable(() => produced)).toBeLessThan(100);
  expect(await reader.readOn()).toBe(total - 1);
  reader.close();
});

/** The value once it has stopped to change: the same in 20 looks, 10 ms apart. */
async function stable(read: () => number): Promise<number> {
  let last = -1;
  let equal = 0;
  return eventually(
    () => {
      equal = read() === last && last > 0 ? equal + 1 : 0;
      last = read();
      return last;
    },
    () => equal >= 20,
    { intervalMs: 10 },
  );
}

test('a reader that takes nothing for too long is ended with a reason, which it sees once it reads again', async () => {
  const endpoint = { grpc_url: 'x'.repeat(64 * 1024) };
  let stopped = false;
  await using server = await serveWatch(
    async function* () {
      try {
        for (let revision = 1; ; revision += 1) yield { revision, endpoint };
      } finally {
        stopped = true;
      }
    },
    { drainTimeoutMs: 100 },
  );
  const reader = await openSlowReader(server);
  await eventually(
    () => stopped,
    (seen) => seen,
  );
  expect(server.ends).toMatchObject([{ code: status.RESOURCE_EXHAUSTED, reason: 'LIMIT_EXCEEDED' }]);
  expect(reasonOf(await reader.readOn().catch((error: unknown) => error))).toBe('LIMIT_EXCEEDED');
  reader.close();
});

test('an error in the middle of a stream comes after the messages before it, with its reason', async () => {
  await using server = await serveWatch(async function* () {
    yield { revision: 1 };
    yield { revision: 2 };
    throw new ServiceError('TOKEN_EXPIRED', 'the token expired');
  });
  const { revisions, error } = await collect(server.client(Discovery).serverStream('Watch', {}));
  expect(revisions).toEqual([1, 2]);
  expect(error).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'TOKEN_EXPIRED' });
});

test.each<[string, Watch]>([
  [
    'throws before it yields',
    () => {
      throw new Error('hunter2');
    },
  ],
  [
    'throws between messages',
    async function* () {
      yield { revision: 1 };
      throw new Error('hunter2');
    },
  ],
  [
    'yields what is no message',
    async function* () {
      yield { endpoint: 'x' } as unknown as WatchEvent;
    },
  ],
  ['is no iterable', () => undefined as unknown as AsyncIterable<WatchEvent>],
])(
  'a stream handler that %s is INTERNAL without detail, logged once, and the server goes on',
  async (_title, broken) => {
    await using server = await serveWatch((request, call) => {
      if (request.from_revision === 1) return broken(request, call);
      return (async function* () {
        yield { revision: 9 };
      })();
    });
    const client = server.client(Discovery);
    const { error } = await collect(client.serverStream('Watch', { from_revision: 1 }));
    expect(error).toMatchObject({ code: status.INTERNAL });
    expect(String(error)).not.toContain('hunter2');
    expect(server.logLevels).toEqual(['error']);
    expect(server.ends).toMatchObject([{ code: status.INTERNAL, reason: 'INTERNAL' }]);
    expect((await collect(client.serverStream('Watch', {}))).revisions).toEqual([9]);
  },
);

test('a client that leaves its loop fires the signal and ends the generator', async () => {
  const seen: string[] = [];
  await using server = await serveWatch(async function* (_request, call) {
    try {
      yield { revision: 1 };
      await untilAborted(call.signal);
    } finally {
      seen.push((call.signal.reason as Error).name);
    }
  });
  for await (const event of server.client(Discovery).serverStream('Watch', {})) {
    expect(event.revision).toBe(1);
    break;
  }
  await eventually(
    () => [...seen, ...server.ends.map(({ code }) => status[code])],
    (all) => all.length === 2,
  );
  expect(seen).toEqual(['CallCancelled']);
  expect(server.ends).toMatchObject([{ code: status.CANCELLED }]);
  expect(server.logLevels).toEqual([]);
});

test('a client that cancels and closes its channel fires the signal', async () => {
  const fired = Promise.withResolvers<unknown>();
  await using server = await serveWatch(async function* (_request, call) {
    call.signal.addEventListener('abort', () => fired.resolve(call.signal.reason));
    yield { revision: 1 };
    await untilAborted(call.signal);
  });
  const reader = await openSlowReader(server);
  reader.close();
  expect(await fired.promise).toMatchObject({ name: 'CallCancelled' });
});

test('a generator that ignores the signal does not keep its call from being counted as ended', async () => {
  await using server = await serveWatch(async function* () {
    yield { revision: 1 };
    await new Promise(() => {});
  });
  const giveUp = new AbortController();
  const stream = server.client(Discovery).serverStream('Watch', {}, { signal: giveUp.signal });
  expect((await stream.next()).value).toMatchObject({ revision: 1 });
  giveUp.abort(new Error('enough'));
  expect((await collect(stream)).error).toMatchObject({ message: 'enough' });
  await eventually(
    () => server.ends.length,
    (ended) => ended === 1,
  );
});

test('an iterable that waits for its next message is told to return as soon as the client leaves', async () => {
  const returned = Promise.withResolvers<string>();
  const waiting: AsyncIterator<WatchEvent> = {
    next: () => new Promise(() => {}),
    return: async () => {
      returned.resolve('returned');
      return { done: true, value: undefined };
    },
  };
  await using server = await serveWatch(() => ({ [Symbol.asyncIterator]: () => waiting }));
  const giveUp = new AbortController();
  const reading = collect(server.client(Discovery).serverStream('Watch', {}, { signal: giveUp.signal }));
  await eventually(
    () => server.metrics(),
    (text) => text.includes('started_total{grpc_service="mcp2.Discovery",grpc_method="Watch",service="test"} 1'),
  );
  giveUp.abort();
  expect(await returned.promise).toBe('returned');
  await reading;
});

test("a stream ends at the client's deadline and the handler hears of it", async () => {
  const aborted = Promise.withResolvers<boolean>();
  await using server = await serveWatch(async function* (_request, call) {
    call.signal.addEventListener('abort', () => aborted.resolve(true));
    yield { revision: 1 };
    await untilAborted(call.signal);
  });
  const { revisions, error } = await collect(server.client(Discovery).serverStream('Watch', {}, { deadlineMs: 200 }));
  expect(revisions).toEqual([1]);
  expect(error).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(await aborted.promise).toBe(true);
});

test('metadata over 8 KiB is refused on streams too', async () => {
  await using server = await serveWatch(async function* () {
    yield { revision: 1 };
  });
  const metadata = { filler: 'x'.repeat(9 * 1024) };
  const { revisions, error } = await collect(server.client(Discovery).serverStream('Watch', {}, { metadata }));
  expect(revisions).toEqual([]);
  expect(error).toMatchObject({ reason: 'LIMIT_EXCEEDED' });
});

test('a bidirectional stream answers each request, and ends when the client half-closes', async () => {
  await using server = await serveHeartbeat(async function* (requests) {
    for await (const { load_permille } of requests) yield { revision: load_permille };
  });
  async function* beats() {
    for (let load_permille = 1; load_permille <= 100; load_permille += 1) yield { load_permille };
  }
  const { revisions, error } = await collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(error).toBeUndefined();
  expect(revisions).toHaveLength(100);
  expect(revisions.at(-1)).toBe(100);
});

test('a handler that does not read holds the client back', async () => {
  const read = Promise.withResolvers<void>();
  let received = 0;
  await using server = await serveHeartbeat(async function* (requests) {
    await read.promise;
    for await (const _request of requests) received += 1;
    yield { revision: received };
  });
  let sent = 0;
  const total = 400;
  async function* beats() {
    for (; sent < total; sent += 1) yield { server_name: 'x'.repeat(64 * 1024) };
  }
  const reading = collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(await stable(() => sent)).toBeLessThan(total / 2);
  read.resolve();
  expect(await reading).toEqual({ revisions: [total], error: undefined });
});

test('a frame of more than 1 MiB ends the stream, and one of 900 KiB does not', async () => {
  await using server = await serveHeartbeat(async function* (requests) {
    for await (const { server_name } of requests) yield { revision: server_name.length };
  });
  async function* beats() {
    yield { server_name: 'x'.repeat(900 * 1024) };
    yield { server_name: 'x'.repeat(1100 * 1024) };
    await new Promise(() => {});
  }
  const { revisions, error } = await collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(revisions).toEqual([900 * 1024]);
  expect(error).toMatchObject({ reason: 'LIMIT_EXCEEDED' });
});

test('a client that sends nothing for too long is told so', async () => {
  await using server = await serveHeartbeat(
    async function* (requests) {
      for await (const _request of requests) yield { revision: 1 };
    },
    { idleTimeoutMs: 50 },
  );
  async function* beats() {
    yield {};
    await new Promise(() => {});
  }
  const { revisions, error } = await collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(revisions).toEqual([1]);
  expect(error).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
});

test('a handler that has heard enough ends the stream while the client would send more', async () => {
  await using server = await serveHeartbeat(async function* (requests) {
    for await (const { load_permille } of requests) {
      yield { revision: load_permille };
      if (load_permille === 3) return;
    }
  });
  async function* beats() {
    for (let load_permille = 1; ; load_permille += 1) yield { load_permille };
  }
  const outcome = await collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(outcome).toEqual({ revisions: [1, 2, 3], error: undefined });
});

test('requests that fail at their source cancel the call', async () => {
  await using server = await serveHeartbeat(async function* (requests) {
    for await (const _request of requests) yield { revision: 1 };
  });
  async function* beats() {
    yield {};
    throw new Error('sensor broke');
  }
  const { error } = await collect(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(error).toMatchObject({ code: status.CANCELLED });
});

test('a client stream is one answer to many requests', async () => {
  const services = [
    implement(ContextTool, {
      UploadContext: clientStream(async (chunks) => {
        let bytes_written = 0;
        for await (const { data } of chunks) bytes_written += data?.length ?? 0;
        if (bytes_written === 0) throw new ServiceError('ARGUMENT_INVALID', 'nothing was uploaded');
        return { bytes_written };
      }),
    }),
  ];
  await using server = await startGrpcServer(services);
  const client = server.client(ContextTool);
  async function* chunks(count: number) {
    for (let index = 0; index < count; index += 1) yield { data: Buffer.alloc(1000) };
  }
  expect(await client.clientStream('UploadContext', chunks(20))).toMatchObject({ bytes_written: 20_000 });
  await expect(client.clientStream('UploadContext', chunks(0))).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
  expect(server.ends.map(({ code }) => code)).toEqual([status.OK, status.INVALID_ARGUMENT]);
});
