import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { silentLogger } from '#lib/logger.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import { LineSplitter, ModuleLines } from './module-lines.ts';

/** What each chunk is cut into, and what is left at the end. */
function split(...chunks: readonly string[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((take) => lines.push(take()));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test.each([
  ['several in one chunk', ['a\nb\n'], ['a', 'b']],
  ['one over several chunks', ['a', 'b', 'c\nd'], ['abc', 'd']],
  ['empty ones stay', ['a\n\nb\n'], ['a', '', 'b']],
  ['the last one needs no end', ['a'], ['a']],
  ['nothing is no line', ['', ''], []],
])('lines: %s', (_title, chunks, expected) => {
  expect(split(...chunks)).toEqual(expected);
});

test('a line beyond 4 KiB is cut, however it comes, and the next one begins anew', () => {
  const long = 'x'.repeat(5_000);
  const expected = [`${'x'.repeat(4_096)}…`, 'b'];
  expect(split(`${long}\nb\n`)).toEqual(expected);
  expect(split(...long, '\nb\n')).toEqual(expected);
  expect(split(`${'x'.repeat(4_096)}\n`)).toEqual(['x'.repeat(4_096)]);
});

test('what is beyond the bound of a second is counted and told once', async () => {
  const clock = new ManualClock();
  const written: unknown[] = [];
  const dropped: number[] = [];
  const log = { ...silentLogger, info: (fields: object) => written.push(fields) };
  const lines = new ModuleLines({ clock, log, onDropped: (count) => dropped.push(count), linesPerSecond: 2 });
  const stream = new PassThrough();
  lines.follow(stream, 'info');
  stream.end('a\nb\nc\nd\n');
  await new Promise((resolve) => stream.once('close', resolve));
  lines.dropped(5);
  lines.report();
  lines.report();
  expect(written).toEqual([{ line: 'a' }, { line: 'b' }]);
  expect(dropped).toEqual([7]);
});
