import { expect, test } from 'vitest';
import { formatCursor, parseStartPosition } from './start-position.ts';

const NOW_MS = Date.parse('2026-01-31T12:00:00Z');
const CURSOR = Buffer.from('0123456789abcdef');

test.each([
  ['new', 'new'],
  ['beginning', 'earliest'],
  ['last', 'last-per-topic'],
  ['17', { sequence: 17 }],
  ['15m', { timeMs: NOW_MS - 900_000 }],
  ['999999999h', { timeMs: 0 }],
  ['2026-01-31', { timeMs: Date.parse('2026-01-31T00:00:00Z') }],
  ['2026-01-31T11:59:59.5+01:00', { timeMs: Date.parse('2026-01-31T10:59:59.500Z') }],
  ['2026-01-31 11:59Z', { timeMs: Date.parse('2026-01-31T11:59:00Z') }],
  [formatCursor(CURSOR), { cursor: CURSOR }],
])('--from %s', (text, position) => {
  expect(parseStartPosition(text, NOW_MS)).toEqual(position);
});

test.each([
  '',
  '0',
  '-1',
  '1.5',
  'newest',
  'toString',
  '__proto__',
  '2026-13-01',
  '2026-01-31T12:00',
  'cursor:',
  'cursor:AA',
  '1e3',
  '\u001b[2J',
])('--from %j is refused with what there is', (text) => {
  expect(() => parseStartPosition(text, NOW_MS)).toThrow(/--from ".*" says no position; use new, beginning/);
});
