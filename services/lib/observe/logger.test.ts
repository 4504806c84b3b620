import { expect, test } from 'vitest';
import type { Logger } from '../logger.ts';
import { createLogger } from './logger.ts';

function capture(write: (log: Logger) => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  write(createLogger({ service: 'registry', level: 'info', stream }));
  return lines;
}

test('a line is one JSON object with level, time, service, fields and message', () => {
  const [line] = capture((log) => log.child({ rpc: 'Discovery.Lookup' }).warn({ subject: 'agent-7' }, 'refused'));
  expect(line).toMatchObject({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    service: 'registry',
    rpc: 'Discovery.Lookup',
    subject: 'agent-7',
    msg: 'refused',
  });
});

test('lines below the level are not written', () => {
  expect(capture((log) => log.debug({}, 'x'))).toEqual([]);
});

test('credentials are censored, two levels deep', () => {
  const lines = capture((log) => {
    log.info({ token: 'hunter2', request: { capability_token: 'hunter2', lease_token: 'hunter2' } }, 'a request');
    log.info({ metadata: { authorization: 'Bearer hunter2' }, agent_delegation_proof: 'hunter2' }, 'another');
  });
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(lines).toHaveLength(2);
});

test('an error is written with its causes and reason, without what else hangs on it', () => {
  const inner = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED', metadata: { key: 'hunter2' } });
  const outer = Object.assign(new Error('the store is away', { cause: inner }), { reason: 'STORE_UNAVAILABLE' });
  const [line] = capture((log) => log.error({ err: outer }, 'failed'));
  expect(line).toMatchObject({
    err: {
      message: 'the store is away',
      reason: 'STORE_UNAVAILABLE',
      cause: { message: 'connection refused', code: 'ECONNREFUSED' },
    },
  });
  expect(JSON.stringify(line)).not.toContain('hunter2');
});

test('a foreseen error has no stack, nor have its causes; one that nobody foresaw has', () => {
  const away = Object.assign(new Error('away', { cause: new Error('refused') }), { reason: 'STORE_UNAVAILABLE' });
  const bug = Object.assign(new Error('bug', { cause: new TypeError('undefined') }), { reason: 'INTERNAL' });
  const lines = capture((log) => {
    log.warn({ err: away }, 'away');
    log.error({ err: bug }, 'a bug');
  });
  expect(JSON.stringify(lines[0])).not.toContain('stack');
  expect(lines[1]).toMatchObject({
    err: { stack: expect.any(String), cause: { stack: expect.any(String) } },
  });
});

test('errors that cause each other and things that are no error are written too', () => {
  const first = new Error('first');
  first.cause = new Error('second', { cause: first });
  const lines = capture((log) => {
    log.error({ err: first }, 'a circle');
    log.error({ err: undefined }, 'nothing');
    log.error({ err: 'a string' }, 'a string');
  });
  expect(lines.map(({ msg }) => msg)).toEqual(['a circle', 'nothing', 'a string']);
  expect(lines[2]).toMatchObject({ err: 'a string' });
});
