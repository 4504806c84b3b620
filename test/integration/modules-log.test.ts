/** Log lines of a tool module: into the log of the server, at most so many a second and so long each, and never in the way. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type LogLine, recordingLogger, shown, startModules, type TestModules } from './modules/fixture.ts';

let modules: TestModules;
beforeAll(async () => {
  modules = await startModules();
});
afterAll(() => modules[Symbol.asyncDispose]());

const written = (lines: readonly LogLine[]) => lines.filter(({ msg }) => msg === 'a tool module wrote a line');
const droppedOf = async (own: TestModules) =>
  (await own.metrics())['mcp2_module_log_lines_dropped_total{tools.mjs}'] ?? 0;

test('call.log is the log of the call; fields and level arrive', async () => {
  const lines: LogLine[] = [];
  const log = recordingLogger(lines).child({ invocation: 'run-9' });
  await modules.call({ export: 'logs' }, { lines: 2, bytes: 3 }, { log });
  expect(written(lines)).toMatchObject([
    { level: 30, invocation: 'run-9', line: 'xxx', fields: { i: 0 } },
    { level: 30, invocation: 'run-9', line: 'xxx', fields: { i: 1 } },
  ]);
});

test('console.log too, a line for each line of it', async () => {
  const lines: LogLine[] = [];
  await modules.call({ export: 'printsAll' }, {}, { log: recordingLogger(lines) });
  expect(written(lines)).toMatchObject([
    { level: 30, line: 'one' },
    { level: 30, line: 'two { three: [ 3 ] }' },
    { level: 40, line: 'four' },
  ]);
});

test('what goes past the console to the standard output is a line of the module', async () => {
  await modules.call({ export: 'writes' }, { lines: 2, bytes: 5 });
  await eventually(
    () => written(modules.lines).filter(({ line }) => line === 'zzzzz'),
    (lines) => lines.length === 2,
  );
});

test.each(['logs', 'prints', 'writes'])(
  '10 MB of lines by %s: a thousand are written, the rest is counted',
  async (name) => {
    const lines: LogLine[] = [];
    const log = recordingLogger(lines);
    await using own = await startModules();
    // The answer does not wait for the lines.
    expect(shown(await own.call({ export: name }, { lines: 100_000, bytes: 99 }, { log }))).toEqual({
      lines: '100000',
    });
    const count = () => written([...lines, ...own.lines]).length;
    const seen = async () => (await droppedOf(own)) + count();
    await eventually(seen, (all) => all === 100_000);
    expect(count()).toBeGreaterThanOrEqual(1_000);
    // Ten seconds' worth: the machine may be slow, the bound is the point.
    expect(count()).toBeLessThanOrEqual(10_000);
    expect(own.lines.some(({ msg, dropped }) => /were dropped/.test(msg) && Number(dropped) > 0)).toBe(true);
  },
);

test.each(['logs', 'prints', 'writes'])('one line of 10 MB by %s is cut at 4 KiB', async (name) => {
  const lines: LogLine[] = [];
  await using own = await startModules();
  await own.call({ export: name }, { lines: 1, bytes: 10_000_000 }, { log: recordingLogger(lines) });
  const [line] = await eventually(
    () => written([...lines, ...own.lines]),
    (found) => found.length === 1,
  );
  expect(Buffer.byteLength(String(line?.line))).toBeLessThanOrEqual(4 * 1024 + 3);
  expect(line?.line).toMatch(/…$/);
});

test('fields that are no JSON, or too many, are no error of the module', async () => {
  const lines: LogLine[] = [];
  expect(await modules.call({ export: 'logsOddly' }, {}, { log: recordingLogger(lines) })).toMatchObject({
    success: true,
  });
  expect(written(lines)).toMatchObject([
    { line: 'a circle', fields: { fields: 'no JSON' } },
    { line: 'much', fields: { cut: expect.stringContaining('aaa') } },
    { line: 'text alone' },
    { line: 'with a child', fields: { a: 1, b: 2 } },
    { level: 50, line: 'an error', fields: { name: 'Error', message: 'broken' } },
    { line: '' },
  ]);
});
