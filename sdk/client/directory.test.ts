import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { CallError } from '#lib/grpc/call-error.ts';
import { ManualClock, untilIdle } from '#lib/manual-clock.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { LookupResponse__Output } from '#protos/generated/mcp2/LookupResponse.ts';
import { Directory, type Query } from './directory.ts';

const QUERY: Query = { capabilities: ['db:a:read'], server: '' };
const TTL_MS = 5_000;

/** A registry whose next answers are settled by hand. */
function createRegistry() {
  const clock = new ManualClock();
  const asked: PromiseWithResolvers<LookupResponse__Output>[] = [];
  const queries: Query[] = [];
  const directory = new Directory({
    clock,
    ask(query) {
      queries.push(query);
      const answer = Promise.withResolvers<LookupResponse__Output>();
      asked.push(answer);
      return answer.promise;
    },
  });
  const { signal } = new AbortController();
  const find = (query = QUERY, again = false) => directory.find(query, { signal, waitMs: 10_000, again });
  return {
    clock,
    queries,
    find,
    answer(...urls: readonly string[]) {
      const endpoints = urls.map((grpc_url) => ({ grpc_url }) as Endpoint);
      asked.shift()?.resolve({ endpoints, cache_ttl_ms: TTL_MS } as LookupResponse__Output);
    },
    fail: (code: status) => asked.shift()?.reject(new CallError('Lookup', { code })),
    async urls(query?: Query, again?: boolean) {
      return (await find(query, again)).map(({ grpc_url }) => grpc_url);
    },
  };
}

test('an answer is used for as long as the registry says, and then it is asked again', async () => {
  const registry = createRegistry();
  const first = registry.urls();
  registry.answer('a:1');
  expect(await first).toEqual(['a:1']);
  registry.clock.jump(TTL_MS - 1);
  expect(await registry.urls()).toEqual(['a:1']);
  expect(registry.queries).toHaveLength(1);
  registry.clock.jump(1);
  const later = registry.urls();
  registry.answer('a:2');
  expect(await later).toEqual(['a:2']);
});

test('equal questions at one time are one Lookup, whatever the order of their capabilities', async () => {
  const registry = createRegistry();
  const two = registry.urls({ capabilities: ['x', 'y'], server: '' });
  const same = registry.urls({ capabilities: ['y', 'x'], server: '' });
  const other = registry.urls({ capabilities: ['x', 'y'], server: 'Db' });
  registry.answer('a:1');
  registry.answer('b:1');
  expect(await Promise.all([two, same, other])).toEqual([['a:1'], ['a:1'], ['b:1']]);
  expect(registry.queries).toHaveLength(2);
});

test('a registry that is down leaves the last answer, without a wait for all but the first caller', async () => {
  const registry = createRegistry();
  const first = registry.urls();
  registry.answer('a:1');
  await first;
  registry.clock.jump(3_600_000);
  let isDone = false;
  const late = registry.urls().finally(() => {
    isDone = true;
  });
  await untilIdle();
  expect(isDone).toBe(false);
  await registry.clock.advance(250);
  expect(await late).toEqual(['a:1']);
  expect(await registry.urls()).toEqual(['a:1']);
  registry.fail(status.UNAVAILABLE);
  await untilIdle();
  expect(await registry.urls()).toEqual(['a:1']);
  registry.answer('a:2');
  await untilIdle();
  expect(await registry.urls()).toEqual(['a:2']);
});

test('a refusal forgets what was answered before', async () => {
  const registry = createRegistry();
  const first = registry.urls();
  registry.answer('a:1');
  await first;
  registry.clock.jump(TTL_MS);
  const refused = registry.urls();
  registry.fail(status.PERMISSION_DENIED);
  await expect(refused).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  const next = registry.urls();
  registry.fail(status.UNAVAILABLE);
  await expect(next).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test('endpoints of which none did are asked for again before their time', async () => {
  const registry = createRegistry();
  const first = registry.urls();
  registry.answer('a:1');
  await first;
  const again = registry.urls(QUERY, true);
  registry.answer('a:2');
  expect(await again).toEqual(['a:2']);
});

test('where nothing is known yet a caller waits no longer than it has time', async () => {
  const registry = createRegistry();
  const waiting = registry.find();
  const caught = expect(waiting).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  await registry.clock.advance(10_000);
  await caught;
});
