/**
 * What goes wrong in a tool module ends one call with a reason that names the module. The server, other tools and the next
 * call of the same module go on. Once with every limit that the machine offers, once where prlimit is not there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ModuleConfig } from '../../services/context-tool/config/runtime-config.ts';
import { findLimits, type ProcessLimits, USUAL_TOOLS } from '../../services/context-tool/modules/process-limits.ts';
import { eventually } from '../harness/eventually.ts';
import { ManagedProcess } from '../harness/processes.ts';
import {
  FOLDER,
  failureOf,
  mistake,
  moduleProcesses,
  shown,
  startModules,
  type TestModules,
  untilNoProcessIsLeft,
  withoutTools,
} from './modules/fixture.ts';

let modules: TestModules;
afterEach(async () => {
  await modules[Symbol.asyncDispose]();
  await untilNoProcessIsLeft();
});

/** The mistake, while another tool is asked again and again. @returns its failure. */
async function failBeside(module: Partial<ModuleConfig>, args = {}) {
  let isOver = false;
  const failed = failureOf(modules.call({ processes: 1, ...module }, args)).finally(() => {
    isOver = true;
  });
  let slowestMs = 0;
  while (!isOver) {
    const began = performance.now();
    expect(shown(await modules.call({ export: 'double' }, { n: 1 }))).toEqual({ n: '2' });
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
  // A process that hogs a core or the memory of the machine slows others down, it does not stop them.
  expect(slowestMs).toBeLessThan(5_000);
  const error = await failed;
  expect(error.message).toContain('the module mistakes.mjs ');
  return error;
}

const MEMORY: readonly [string, Partial<ModuleConfig>, object?][] = [
  ['one big array', mistake('array')],
  ['a leak of objects', mistake('objects')],
  ['a leak of Buffers', mistake('buffers')],
  ['one big Buffer', mistake('buffer'), { mebibytes: 900, ms: 5_000 }],
  ['memory of WebAssembly', mistake('wasm')],
];

describe.each([
  ['with what the machine has', USUAL_TOOLS],
  ['without prlimit', { ...USUAL_TOOLS, prlimit: '/nowhere/prlimit' }],
])('%s', (_title, tools) => {
  let limits: ProcessLimits;
  beforeAll(async () => {
    limits = await findLimits(tools);
  });

  test.each(MEMORY)('%s ends with cause memory', async (_what, module, args) => {
    modules = await startModules({ limits });
    const error = await failBeside(module, args);
    expect(error).toMatchObject({ reason: 'MODULE_FAILED', metadata: { module: 'mistakes.mjs', cause: 'memory' } });
  });

  test('what stays within the budget is no mistake', async () => {
    modules = await startModules({ limits });
    expect(shown(await modules.call(mistake('buffer'), { mebibytes: 32, ms: 300 }))).toEqual({});
    const least = { ...mistake('garbage'), memoryBytes: 32 * 1024 * 1024 };
    expect(shown(await modules.call(least))).toEqual({ sum: '8000000' });
  });
});

test('without /proc the heap still has its bound', async () => {
  modules = await startModules({ limits: withoutTools });
  expect(await failBeside(mistake('objects'))).toMatchObject({
    reason: 'MODULE_FAILED',
    metadata: { cause: 'memory' },
  });
});

test('an endless loop ends at its time limit', async () => {
  modules = await startModules();
  const error = await failBeside({ ...mistake('loop'), timeoutMs: 300 });
  expect(error).toMatchObject({ reason: 'MODULE_TIMEOUT', metadata: { module: 'mistakes.mjs' } });
  expect(error.message).toContain('0.3 s');
});

test.each([
  ['process.exit()', 'exit', { code: 3 }, 'exit'],
  ['process.exit(0), too', 'exit', { code: 0 }, 'exit'],
  ['process.abort()', 'abort', {}, 'crash'],
  ['a segmentation fault', 'kill', { signal: 'SIGSEGV' }, 'crash'],
  ['a SIGKILL from outside', 'kill', { signal: 'SIGKILL' }, 'crash'],
  ['a closed channel', 'disconnect', {}, 'exit'],
  ['a rejection that nobody handles', 'reject', {}, 'rejection'],
  ['an error that nobody catches', 'throwLater', {}, 'crash'],
])('%s ends the call with its cause', async (_what, name, args, cause) => {
  modules = await startModules();
  const error = await failBeside(mistake(name), args);
  expect(error).toMatchObject({ reason: 'MODULE_FAILED', metadata: { module: 'mistakes.mjs', cause } });
  expect(error.message).not.toMatch(/nobody|at .*mjs:/);
  // The next call has a process of its own.
  expect(await failBeside(mistake('exit'), { code: 0 })).toMatchObject({ metadata: { cause: 'exit' } });
});

test('a process that ends between calls is logged once, and the next call does not notice', async () => {
  modules = await startModules();
  const module = { ...mistake('failAfterwards'), processes: 1 };
  for (let i = 1; i <= 3; i++) {
    expect(shown(await modules.call(module))).toEqual({});
    await eventually(
      () => modules.metrics(),
      (metrics) => metrics['mcp2_module_children_ended_total{mistakes.mjs,exit}'] === i,
    );
  }
  const ends = modules.lines.filter(({ msg }) => msg === 'the process of a tool module ended');
  expect(ends).toMatchObject(Array.from({ length: 3 }, () => ({ module: 'mistakes.mjs', cause: 'exit', exitCode: 7 })));
});

test('a crash takes one call along: the one that waited behind it is answered by the next process', async () => {
  modules = await startModules();
  const one = { processes: 1 };
  const crash = failureOf(modules.call({ ...mistake('exit'), ...one }, { code: 1 }));
  const behind = modules.call({ ...mistake('buffer'), ...one }, { mebibytes: 1 });
  expect(await crash).toMatchObject({ reason: 'MODULE_FAILED' });
  expect(shown(await behind)).toEqual({});
});

test('a process in which a call was refused memory takes no other call, since it holds what that call left', async () => {
  modules = await startModules();
  const one = { processes: 1 };
  const first = shown(await modules.call({ ...mistake('pid'), ...one }));
  const full = failureOf(modules.call({ ...mistake('full'), ...one }));
  const behind = modules.call({ ...mistake('pid'), ...one });
  expect(await full).toMatchObject({ reason: 'MODULE_FAILED', metadata: { cause: 'memory' } });
  expect(shown(await behind)).not.toEqual(first);
});

test('a hundred crashes in a row leave no process, no zombie and no open file behind', async () => {
  modules = await startModules();
  for (let i = 0; i < 25; i++) {
    const calls = Array.from({ length: 4 }, () =>
      failureOf(modules.call({ ...mistake('exit'), processes: 4 }, { code: 1 })),
    );
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ reason: 'MODULE_FAILED' });
  }
  await untilNoProcessIsLeft();
  expect(moduleProcesses()).toEqual([]);
  const ends = { 'mcp2_module_children_ended_total{mistakes.mjs,exit}': 100 };
  expect(await modules.metrics()).toMatchObject(ends);
});

test('a server that is killed takes its children along, also one in an endless loop', async () => {
  modules = await startModules();
  await using owner = new ManagedProcess({
    name: 'owner',
    command: process.execPath,
    args: [join(FOLDER, 'loop-owner.ts')],
    ready: async () => moduleProcesses(owner.pid).length === 2,
  });
  await owner.start();
  const children = await eventually(
    () => moduleProcesses(owner.pid),
    (found) => found.some(({ state }) => state === 'R'),
  );
  await owner.kill();
  const left = () => children.filter(({ pid }) => existsSync(`/proc/${pid}`));
  await eventually(left, (pids) => pids.length === 0);
});
