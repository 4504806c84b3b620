/** What a caller sees of a stream that the server ends: one rejection with its reason, and its own source let go. */
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { clientStream } from '#lib/grpc/client-stream.ts';
import { implement } from '#lib/grpc/method.ts';
import { serverStream } from '#lib/grpc/server-stream.ts';
import { loadServices } from '#protos/load.ts';
import { startGrpcServer } from '../harness/grpc-server.ts';

const { ContextTool, Discovery } = loadServices();
const REFUSED = { code: status.UNAUTHENTICATED, reason: 'TOKEN_EXPIRED' };

/** Requests of which one comes at once and no other ever, as of a timer. `returned` resolves when they are let go. */
function waitingSource<Request>(first: Request) {
  const returned = Promise.withResolvers<string>();
  let asked = 0;
  const iterator: AsyncIterator<Request> = {
    next: async () => (asked++ === 0 ? { done: false, value: first } : new Promise<never>(() => undefined)),
    return: async () => {
      returned.resolve('returned');
      return { done: true, value: undefined };
    },
  };
  return { requests: { [Symbol.asyncIterator]: () => iterator }, returned: returned.promise };
}

/** As many large requests as are taken. */
function endlessSource<Request>(request: Request) {
  const returned = Promise.withResolvers<string>();
  async function* requests() {
    try {
      for (;;) yield request;
    } finally {
      returned.resolve('returned');
    }
  }
  return { requests: requests(), returned: returned.promise };
}

/** Every rejection that reading to the end and once more gives. */
async function rejectionsOf(stream: AsyncGenerator<unknown>): Promise<unknown[]> {
  const caught: unknown[] = [];
  for (let reads = 0; reads < 10; reads += 1) {
    const { done } = await stream.next().catch((error: unknown) => {
      caught.push(error);
      return { done: false };
    });
    if (done) break;
  }
  return caught;
}

test.each([
  ['waits for its next message', waitingSource({})],
  ['is held back', endlessSource({ server_name: 'x'.repeat(64 * 1024) })],
])(
  'a bidirectional stream that the server ends is one rejection, and a source that %s is let go',
  async (_title, source) => {
    const heartbeat = bidiStream(async function* (_requests) {
      yield { revision: 1 };
      throw new ServiceError('TOKEN_EXPIRED', 'the token expired');
    });
    await using server = await startGrpcServer([implement(Discovery, { Heartbeat: heartbeat })]);
    const stream = server.client(Discovery).bidiStream('Heartbeat', source.requests);
    expect(await rejectionsOf(stream)).toEqual([expect.objectContaining(REFUSED)]);
    expect(await source.returned).toBe('returned');
  },
);

test('a server stream that ends with an error is one rejection', async () => {
  const watch = serverStream(async function* () {
    yield { revision: 1 };
    throw new ServiceError('TOKEN_EXPIRED', 'the token expired');
  });
  await using server = await startGrpcServer([implement(Discovery, { Watch: watch })]);
  const caught = await rejectionsOf(server.client(Discovery).serverStream('Watch', {}));
  expect(caught).toEqual([expect.objectContaining(REFUSED)]);
});

test.each([
  ['waits for its next message', waitingSource({ data: Buffer.alloc(10) })],
  ['is held back', endlessSource({ data: Buffer.alloc(64 * 1024) })],
])(
  'a client stream that is refused at its first message is one rejection, and a source that %s is let go',
  async (_title, source) => {
    const upload = clientStream(async (chunks) => {
      for await (const _chunk of chunks) throw new ServiceError('TOKEN_EXPIRED', 'the token expired');
      return {};
    });
    await using server = await startGrpcServer([implement(ContextTool, { UploadContext: upload })]);
    await expect(server.client(ContextTool).clientStream('UploadContext', source.requests)).rejects.toMatchObject(
      REFUSED,
    );
    expect(await source.returned).toBe('returned');
  },
);

test('requests that fail at their source are one rejection that carries the failure', async () => {
  const heartbeat = bidiStream(async function* (requests) {
    for await (const _request of requests) yield { revision: 1 };
  });
  await using server = await startGrpcServer([implement(Discovery, { Heartbeat: heartbeat })]);
  async function* beats() {
    yield {};
    throw new Error('sensor broke');
  }
  const caught = await rejectionsOf(server.client(Discovery).bidiStream('Heartbeat', beats()));
  expect(caught).toMatchObject([{ code: status.CANCELLED, cause: { message: 'sensor broke' } }]);
});
