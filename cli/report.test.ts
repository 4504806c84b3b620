import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { CommandFailed, usageError } from './failure.ts';
import { reportFailure } from './report.ts';

function report(error: unknown, env: Readonly<Record<string, string>> = {}) {
  const lines: string[] = [];
  const code = reportFailure(error, { env, note: (line) => lines.push(line), style: (_style, text) => text });
  return { code, lines };
}

test.each([
  ['a failure', new CommandFailed('it did not work'), 1, ['error: it did not work']],
  ['a wrong call', usageError('use one'), 2, ['error: use one']],
  ['what a service says', new ServiceError('NAME_INVALID', 'no name'), 1, ['error: no name']],
  ['help that was asked for', new CommanderError(0, 'commander.helpDisplayed', '(help)'), 0, []],
  ['what commander printed itself', new CommanderError(1, 'commander.missingArgument', 'missing'), 2, []],
])('%s ends with its sentence and its code', (_title, error, code, lines) => {
  expect(report(error)).toEqual({ code, lines });
});

test('a defect is called one, and only MCP2_DEBUG=1 shows where and why', () => {
  const error = new TypeError('x is undefined', { cause: new Error('because') });
  expect(report(error)).toEqual({ code: 1, lines: [expect.stringMatching(/^unexpected error: .*MCP2_DEBUG=1/)] });
  const { lines } = report(error, { MCP2_DEBUG: '1' });
  expect(lines.join('\n')).toMatch(/report\.test\.ts:\d+[\s\S]*caused by Error: because/);
});
