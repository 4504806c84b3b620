/** Upstreams that hang, break, drip and lie: each call ends in time, with the reason that says whether to call again. */
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { openHttpSources } from '../harness/http-source.ts';
import { onRawRequest, startRawUpstream, startUpstream } from '../harness/http-upstream.ts';

const IDEMPOTENT = { annotations: { idempotent: true } };
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

test.each([
  ['never answers', () => undefined],
  ['stops after the head', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n')],
  ['stops in the middle of the head', (socket: Socket) => socket.write('HTTP/1.1 200 O')],
  ['drips', drip],
  ['sends interim answers without an end', interim],
])(
  'an upstream that %s is given up when the source says so, and the error names that limit',
  async (_title, answer) => {
    await using upstream = await startRawUpstream((socket) => onRawRequest(socket, () => void answer(socket)));
    using sources = openHttpSources();
    const config = { url: upstream.origin, timeoutMs: 300 };
    const unavailable = { reason: 'BACKEND_UNAVAILABLE' };
    await expect(sources.read(config)).rejects.toMatchObject(unavailable);
    await expect(sources.run(config, {}, IDEMPOTENT)).rejects.toMatchObject(unavailable);
    await expect(sources.run(config)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    await eventually(
      () => upstream.openConnections,
      (open) => open === 0,
    );
  },
);

test.each([
  ['the timeout of the source', 200, 20_000, 'BACKEND_UNAVAILABLE', 'timeout'],
  ['the deadline of the call', 20_000, 200, 'DEADLINE_EXCEEDED', 'deadline'],
])('%s holds when it is the shorter one, and is named', async (_title, timeoutMs, deadlineMs, reason, limit) => {
  await using upstream = await startRawUpstream(() => undefined);
  using sources = openHttpSources();
  const startedMs = performance.now();
  const config = { url: upstream.origin, timeoutMs };
  await expect(sources.read(config, {}, { deadlineMs })).rejects.toMatchObject({ reason, metadata: { limit } });
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  const unknown = { reason: 'OUTCOME_UNKNOWN', metadata: { limit } };
  await expect(sources.run(config, {}, { deadlineMs })).rejects.toMatchObject(unknown);
});

test('a call whose deadline has passed sends nothing', async () => {
  await using upstream = await startUpstream((_request, response) => response.end());
  using sources = openHttpSources();
  const late = sources.run({ url: upstream.origin }, {}, { deadlineMs: -1 });
  await expect(late).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(upstream.connectionCount).toBe(0);
});

test('a caller that leaves ends the request at the upstream', async () => {
  await using upstream = await startUpstream(() => undefined);
  using sources = openHttpSources();
  for (const method of ['GET', 'POST']) {
    const left = new AbortController();
    const call = { signal: left.signal };
    const config = { url: upstream.origin, method };
    const answer = method === 'GET' ? sources.read(config, {}, call) : sources.run(config, {}, call);
    const outcome = answer.catch((error: unknown) => error);
    await eventually(
      () => upstream.openConnections,
      (open) => open === 1,
    );
    await eventually(
      () => upstream.requests.at(-1)?.method,
      (seen) => seen === method,
    );
    const reason = new Error('the client left');
    left.abort(reason);
    if (method === 'GET') expect(await outcome).toBe(reason);
    else expect(await outcome).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    await eventually(
      () => upstream.openConnections,
      (open) => open === 0,
    );
  }
});

test('a caller that leaves while the name is looked up waits no longer', async () => {
  using sources = openHttpSources({ lookup: () => new Promise(() => undefined) });
  const left = new AbortController();
  const outcome = sources.run({ url: 'http://upstream.example/' }, {}, { signal: left.signal });
  left.abort(new Error('the client left'));
  await expect(outcome).rejects.toThrow('the client left');
});

test('a reset before a byte of the answer is repeated once where that does no harm, and is an unknown outcome elsewhere', async () => {
  let requests = 0;
  await using upstream = await startRawUpstream((socket, number) => {
    onRawRequest(socket, () => {
      requests += 1;
      if (number % 2 === 1) socket.resetAndDestroy();
      else socket.end(OK.replace('\r\n', '\r\nconnection: close\r\n'));
    });
  });
  using sources = openHttpSources();
  const config = { url: upstream.origin };
  expect((await sources.read(config)).content.toString()).toBe('ok');
  expect(await sources.run({ ...config, method: 'GET' })).toMatchObject({ success: true });
  expect(await sources.run(config, {}, IDEMPOTENT)).toMatchObject({ success: true });
  expect(await sources.run(config, {}, { annotations: { readOnly: true } })).toMatchObject({ success: true });
  expect(requests).toBe(8);
  await expect(sources.run(config)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  expect(requests).toBe(9);
  expect(await sources.metric('mcp2_http_source_repeats_total')).toBe(4);
});

test('an upstream that resets each time gets two requests and no more', async () => {
  let requests = 0;
  await using upstream = await startRawUpstream((socket) => {
    onRawRequest(socket, () => {
      requests += 1;
      socket.resetAndDestroy();
    });
  });
  using sources = openHttpSources();
  await expect(sources.read({ url: upstream.origin })).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(requests).toBe(2);
});

test.each([
  ['a byte of the head', 'H'],
  ['the head', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'],
  ['a piece of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'],
  ['a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'],
])('a reset after %s is never repeated', async (_title, part) => {
  let requests = 0;
  await using upstream = await startRawUpstream((socket) => {
    onRawRequest(socket, () => {
      requests += 1;
      socket.write(part, () => setTimeout(() => socket.resetAndDestroy(), 50));
    });
  });
  using sources = openHttpSources();
  const config = { url: upstream.origin };
  await expect(sources.read(config)).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await expect(sources.run(config, {}, IDEMPOTENT)).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await expect(sources.run(config)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  expect(requests).toBe(3);
});

test.each([
  ['is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['has two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!'],
  ['has a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok'],
  ['has a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok'],
  ['has chunks of no size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'],
  ['has a head of a megabyte', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1_048_576)}\r\n\r\n`],
  ['has a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\ncontent-length: 2\r\n\r\nok'],
  ['switches protocols unasked', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
  ['has status 99', 'HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\nok'],
])('an answer that %s is an upstream that does not work', async (_title, answer) => {
  await using upstream = await startRawUpstream((socket) => onRawRequest(socket, () => socket.end(answer)));
  using sources = openHttpSources();
  const config = { url: upstream.origin, timeoutMs: 3_000 };
  const error: unknown = await sources.read(config).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(JSON.stringify(Object(error).cause ?? {})).not.toContain('content-length');
  await expect(sources.run(config)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
});

test('a second answer that nobody asked for is given to nobody', async () => {
  await using upstream = await startRawUpstream((socket, number) => {
    onRawRequest(socket, () => socket.write(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged${number}`));
  });
  using sources = openHttpSources();
  for (let i = 0; i < 10; i += 1) {
    const { content } = await sources.read({ url: upstream.origin });
    expect(content.toString()).toBe('ok');
  }
});

test('an upstream where nobody listens is unavailable, and nothing was sent', async () => {
  const gone = await startUpstream((_request, response) => response.end());
  await gone[Symbol.asyncDispose]();
  using sources = openHttpSources();
  await expect(sources.read({ url: gone.origin })).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await expect(sources.run({ url: gone.origin })).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
});

test('an error of 4xx whose body never ends is that error', async () => {
  await using upstream = await startRawUpstream((socket) => {
    onRawRequest(socket, () => socket.write('HTTP/1.1 409 Conflict\r\ncontent-length: 100000000\r\n\r\nabc'));
  });
  using sources = openHttpSources();
  const config = { url: upstream.origin, timeoutMs: 300 };
  expect(await sources.run(config)).toMatchObject({ success: false, errorCode: 'HTTP_409' });
  await eventually(
    () => upstream.openConnections,
    (open) => open === 0,
  );
});

test('so many calls run at once, so many wait, and the next is told that the pool is full', async () => {
  const held: (() => void)[] = [];
  await using upstream = await startUpstream((_request, response) => held.push(() => response.end('done')));
  using sources = openHttpSources({ maxConnections: 3, maxWaiting: 2 });
  const config = { url: upstream.origin, timeoutMs: 20_000 };
  const calls = Array.from({ length: 5 }, () => sources.run(config));
  await eventually(
    () => held.length,
    (count) => count === 3,
  );
  await expect(sources.run(config)).rejects.toMatchObject({ reason: 'POOL_FULL' });
  expect(await sources.metric('mcp2_http_source_waiting')).toBe(2);
  const leaving = new AbortController();
  for (const answer of held.splice(0, 1)) answer();
  await eventually(
    () => sources.metric('mcp2_http_source_waiting'),
    (waiting) => waiting === 1,
  );
  const waiter = sources.run(config, {}, { signal: leaving.signal });
  leaving.abort(new Error('the client left'));
  await expect(waiter).rejects.toThrow('the client left');
  await expect(sources.run({ ...config, timeoutMs: 100 })).rejects.toMatchObject({ reason: 'POOL_FULL' });
  const answering = setInterval(() => {
    for (const answer of held.splice(0)) answer();
  }, 10);
  expect(await Promise.all(calls)).toHaveLength(5);
  clearInterval(answering);
  expect(upstream.connectionCount).toBe(3);
});

test('a slow upstream takes nothing from another one', async () => {
  await using slow = await startUpstream(() => undefined);
  await using quick = await startUpstream((_request, response) => response.end('quick'));
  using sources = openHttpSources({ maxConnections: 1, maxWaiting: 0 });
  const left = new AbortController();
  const stuck = sources.read({ url: slow.origin }, {}, { signal: left.signal }).catch(() => 'left');
  expect((await sources.read({ url: quick.origin })).content.toString()).toBe('quick');
  left.abort(new Error('enough'));
  expect(await stuck).toBe('left');
});

test('a kept connection that the upstream closes as the next POST is written doubles no side effect, 200 times', async () => {
  const carriedOut = new Map<string, number>();
  await using upstream = await startRawUpstream((socket) => {
    onRawRequest(socket, (request, number) => {
      const id = /"id":"([^"]*)"/.exec(request)?.[1] ?? '';
      carriedOut.set(id, (carriedOut.get(id) ?? 0) + 1);
      // The first is answered and the connection kept. What comes next is carried out, and the answer is lost.
      if (number === 1) socket.write(OK, () => closeSoon(socket));
      else socket.resetAndDestroy();
    });
  });
  using sources = openHttpSources({ maxConnections: 4, maxWaiting: 400 });
  const call = async (id: string) => {
    const config = { url: upstream.origin, body: { json: { id: '{id}' } } };
    const outcome = await sources.run(config, { id }).catch((error: unknown) => error);
    return { id, outcome };
  };
  const outcomes: Awaited<ReturnType<typeof call>>[] = [];
  for (let round = 0; round < 100; round += 1) {
    outcomes.push(...(await Promise.all([0, 1, 2, 3].map((lane) => call(`${round}-${lane}`)))));
  }
  expect(outcomes).toHaveLength(400);
  expect(upstream.connectionCount).toBeGreaterThanOrEqual(200);
  // The race took place: requests were carried out whose answer nobody got.
  expect(outcomes.some(({ id, outcome }) => outcome instanceof Error && carriedOut.has(id))).toBe(true);
  for (const { id, outcome } of outcomes) {
    const times = carriedOut.get(id) ?? 0;
    if (outcome instanceof Error) expect(outcome).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    else expect(times).toBe(1);
    expect(times).toBeLessThanOrEqual(1);
  }
});

/** At about the time at which the next request is written. */
function closeSoon(socket: Socket): void {
  const ways = [() => socket.end(), () => socket.destroy(), () => socket.resetAndDestroy()];
  const way = ways[(socket.remotePort ?? 0) % ways.length] ?? ways[0];
  if ((socket.remotePort ?? 0) % 2 === 0) setImmediate(() => way?.());
  else setTimeout(() => way?.(), 1);
}

function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
  const timer = setInterval(() => socket.write('x'), 20);
  socket.once('close', () => clearInterval(timer));
}

function interim(socket: Socket): void {
  const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 40);
  socket.once('close', () => clearInterval(timer));
}

test('the log learns which upstream failed and how, and nothing that callers or secrets say', async () => {
  await using upstream = await startRawUpstream((socket) => onRawRequest(socket, () => socket.end('nonsense\r\n\r\n')));
  using sources = openHttpSources({ readSecret: () => 'Bearer hunter2' });
  const config = { url: `${upstream.origin}/{who}?q={who}`, headers: { authorization: { fromEnv: 'TOKEN' } } };
  const error: unknown = await sources.read(config, { who: 'alice' }).catch((failure: unknown) => failure);
  const logged = inspect(error, { depth: 20, showHidden: true });
  expect(logged).toContain(`GET ${upstream.origin}: `);
  expect(logged).not.toMatch(/hunter2|alice|nonsense/);
  expect(Object(error).message).not.toContain('127.0.0.1');
});
