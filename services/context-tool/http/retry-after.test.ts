import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');

test.each([
  ['seconds', '120', 120_000],
  ['no wait', '0', 0],
  ['white space', ' 7 ', 7_000],
  ['a date', 'Mon, 30 Nov 2026 12:00:30 GMT', 30_000],
  ['a date that has passed', 'Mon, 30 Nov 2026 11:00:00 GMT', 0],
  ['more than an hour', '86400', 3_600_000],
  ['a date in another year', 'Tue, 30 Nov 2027 12:00:00 GMT', 3_600_000],
  ['a negative number', '-1', undefined],
  ['a fraction', '1.5', undefined],
  ['a number with an exponent', '1e3', undefined],
  ['a year', '2027', 2_027_000],
  ['text', 'soon', undefined],
  ['a date in another form', '2026-11-30T12:00:30Z', undefined],
  ['nothing', '', undefined],
  ['no header', undefined, undefined],
])('%s: %s', (_title, header, expected) => {
  expect(parseRetryAfter(header, NOW)).toBe(expected);
});
