/** Calls of tool modules: what goes in, what comes out, who waits, and what ends a call that nobody wants any more. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { eventually } from '../harness/eventually.ts';
import {
  FOLDER,
  failureOf,
  moduleProcesses,
  shown,
  startModules,
  type TestModules,
  untilNoProcessIsLeft,
} from './modules/fixture.ts';

let modules: TestModules;
beforeAll(async () => {
  modules = await startModules();
});
afterAll(async () => {
  await modules[Symbol.asyncDispose]();
  await untilNoProcessIsLeft();
});

test('arguments go in as they are, and an object comes out as outputs by its keys', async () => {
  const args = { sku: 'prod_12345', n: 42, list: [1, { a: null }], yes: true };
  expect(shown(await modules.call({}, args))).toEqual({
    sku: 'prod_12345',
    n: '42',
    list: '[1,{"a":null}]',
    yes: 'true',
  });
});

test('a module imports another file of its folder, and is TypeScript where it likes', async () => {
  expect(shown(await modules.call({ export: 'double' }, { n: 21 }))).toEqual({ n: '42' });
  const typed = { file: join(FOLDER, 'typed.ts'), export: 'next' };
  expect(shown(await modules.call(typed, { n: 41 }))).toEqual({ n: '42' });
});

test('it is told who calls, until when, and the key of the call; its environment is empty and the channel is not its', async () => {
  const call = { invocationId: 'run-7', idempotencyKey: 'order-7', deadlineMs: 2_000_000_000_000 };
  expect(shown(await modules.call({ export: 'facts' }, {}, call))).toEqual({
    caller: '{"iss":"mcp2:test","sub":"default.agent"}',
    deadlineMs: '2000000000000',
    invocationId: 'run-7',
    idempotencyKey: 'order-7',
    environment: '{}',
    send: 'undefined',
  });
});

test('its warnings reach the answer', async () => {
  const warnings: string[] = [];
  await modules.call({ export: 'warns' }, {}, { warn: (warning) => warnings.push(warning) });
  expect(warnings).toEqual(['nearly empty']);
});

test('a ToolFailed is an answer that says so, and needs no import', async () => {
  expect(await modules.call({ export: 'fails' })).toEqual({
    success: false,
    errorCode: 'OUT_OF_FOOD',
    message: 'there is none left',
  });
});

test('what it throws is MODULE_FAILED; the caller sees no stack, the log does once', async () => {
  const error = await failureOf(modules.call({ export: 'throws' }));
  expect(error).toMatchObject({ reason: 'MODULE_FAILED', metadata: { module: 'tools.mjs', cause: 'rejection' } });
  expect(error.message).toContain('tools.mjs');
  expect(error.message).not.toContain('secret');
  expect((error.cause as Error).stack).toMatch(/a secret of the module\n +at .*tools\.mjs/);
  // The process lives: the same one answers the next call.
  expect(modules.lines.filter(({ msg }) => /ended/.test(msg))).toEqual([]);
});

test('what is no JSON is MODULE_FAILED, and more than 4 MiB is LIMIT_EXCEEDED', async () => {
  const circle = await failureOf(modules.call({ export: 'returnsCircle' }));
  expect(circle).toMatchObject({ reason: 'MODULE_FAILED', metadata: { cause: 'result' } });
  const large = await failureOf(modules.call({ export: 'returnsBytes' }, { bytes: 4 * 1024 * 1024 }));
  expect(large).toMatchObject({ reason: 'LIMIT_EXCEEDED', metadata: { module: 'tools.mjs' } });
  const fits = await modules.call({ export: 'returnsBytes' }, { bytes: 4 * 1024 * 1024 - 5 });
  expect(fits).toMatchObject({ success: true });
});

test('a second call uses the warm process', async () => {
  await using own = await startModules();
  const first = shown(await own.call({ export: 'pid' }));
  expect(shown(await own.call({ export: 'pid' }))).toEqual(first);
  expect(await own.metrics()).toMatchObject({
    'mcp2_module_calls_total{tools.mjs,ok}': 2,
    'mcp2_module_children{tools.mjs}': 1,
  });
});

test('at most so many processes run, the rest waits, and beyond 64 waiting calls are refused at once', async () => {
  await using own = await startModules();
  await Promise.all([own.call({ export: 'waits' }, { ms: 50 }), own.call({ export: 'waits' }, { ms: 50 })]);
  const calls = Array.from({ length: 70 }, () => own.call({ export: 'waits' }, { ms: 100 }));
  const ended = await Promise.allSettled(calls);
  expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(66);
  for (const { reason } of ended.filter((end) => end.status === 'rejected')) {
    expect(reason).toMatchObject({ reason: 'QUEUE_FULL', metadata: { module: 'tools.mjs' } });
  }
  expect(moduleProcesses().length).toBeLessThanOrEqual(4);
  expect(await own.metrics()).toMatchObject({
    'mcp2_module_children{tools.mjs}': 2,
    'mcp2_module_calls_total{tools.mjs,QUEUE_FULL}': 4,
  });
});

test('a burst that comes while the first processes start is not refused for that', async () => {
  await using own = await startModules();
  const answers = await Promise.all(Array.from({ length: 66 }, () => own.call({ export: 'pid' })));
  expect(new Set(answers.map((answer) => JSON.stringify(shown(answer)))).size).toBeLessThanOrEqual(2);
});

test('a call whose caller leaves is rejected at once; the module hears of it and its process lives', async () => {
  await using own = await startModules({ graceMs: 10_000 });
  const leave = new AbortController();
  const before = shown(await own.call({ export: 'pid', processes: 1 }));
  const answer = own.call({ export: 'listens', processes: 1 }, {}, { signal: leave.signal });
  leave.abort(new ServiceError('DEADLINE_EXCEEDED', 'too late'));
  expect(await failureOf(answer)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(shown(await own.call({ export: 'pid', processes: 1 }))).toEqual(before);
});

test('a module that does not hear of it ends with its process, and the next call gets another one', async () => {
  await using own = await startModules({ graceMs: 50 });
  const leave = new AbortController();
  const before = shown(await own.call({ export: 'pid', processes: 1 }));
  const answer = own.call({ export: 'waits', processes: 1 }, { ms: 60_000 }, { signal: leave.signal });
  leave.abort(new ServiceError('DEADLINE_EXCEEDED', 'too late'));
  expect(await failureOf(answer)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(shown(await own.call({ export: 'pid', processes: 1 }))).not.toEqual(before);
  expect(await own.metrics()).toMatchObject({ 'mcp2_module_children_ended_total{tools.mjs,cancelled}': 1 });
});

test('a call that waits is given up without a process', async () => {
  await using own = await startModules();
  const leave = new AbortController();
  const running = own.call({ export: 'waits', processes: 1 }, { ms: 300 });
  const waiting = own.call({ export: 'waits', processes: 1 }, { ms: 60_000 }, { signal: leave.signal });
  leave.abort(new ServiceError('DEADLINE_EXCEEDED', 'too late'));
  expect(await failureOf(waiting)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(shown(await running)).toEqual({ waited: '300' });
  expect(await failureOf(own.call({}, {}, { signal: leave.signal }))).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
});

test('the time limit counts from the start of the run, not of the wait', async () => {
  await using own = await startModules();
  const slow = { export: 'waits', processes: 1, timeoutMs: 1_200 };
  const answers = await Promise.all([1, 2, 3].map(() => own.call(slow, { ms: 500 })));
  expect(answers.map(shown)).toEqual(Array.from({ length: 3 }, () => ({ waited: '500' })));
});

test('a process that had no call for a while ends, and a later call starts one', async () => {
  await using own = await startModules({ idleMs: 150 });
  const before = shown(await own.call({ export: 'pid' }));
  await eventually(
    () => own.metrics(),
    (metrics) => metrics['mcp2_module_children_ended_total{tools.mjs,idle}'] === 1,
  );
  expect(await own.metrics()).not.toHaveProperty('mcp2_module_children{tools.mjs}');
  expect(shown(await own.call({ export: 'pid' }))).not.toEqual(before);
});
