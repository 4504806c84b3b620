import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, EnvReader } from './env-reader.ts';

test('every problem is reported at once, by variable and without its value', () => {
  const read = new EnvReader({ PORT: 'hunter2', WAIT: '10', MODE: 'fast', LISTEN: 'localhost', TLS: 'yes' });
  read.integer('PORT', { min: 1, max: 65_535 });
  read.durationMs('WAIT', { min: 1000, max: 300_000 });
  read.oneOf('MODE', ['bearer', 'strict']);
  read.hostPort('LISTEN');
  read.boolean('TLS', { fallback: true });
  read.required('NAME');
  read.problem('CERT and KEY must be set together');
  expect(() => read.check()).toThrow(ConfigError);
  expect(read.problems).toEqual([
    'PORT must be a whole number from 1 to 65535',
    'WAIT must be a duration from 1s to 5m, written like 500ms, 10s, 5m or 2h',
    'MODE must be bearer or strict',
    'LISTEN must be host:port, for example 0.0.0.0:50050 or [::]:50050',
    'TLS must be true or false',
    'NAME is required',
    'CERT and KEY must be set together',
  ]);
  expect(new ConfigError(read.problems).message).not.toContain('hunter2');
});

test.each([['1e3'], ['0x10'], ['10.5'], ['9'], ['301'], ['99999999999999999999'], ['٣٠']])(
  '%s is no whole number from 10 to 300',
  (text) => {
    const read = new EnvReader({ TTL: text });
    expect(read.integer('TTL', { fallback: 30, min: 10, max: 300 })).toBe(30);
    expect(read.problems).toHaveLength(1);
  },
);

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['0s', 0],
])('the duration %s is %i ms', (text, ms) => {
  const read = new EnvReader({ WAIT: text });
  expect(read.durationMs('WAIT', { min: 0, max: 7_200_000 })).toBe(ms);
  expect(read.problems).toEqual([]);
});

test.each(['10', '1.5s', '-1s', '10 s', '1d', 's', '3h'])('"%s" is no duration up to 2 hours', (text) => {
  const read = new EnvReader({ WAIT: text });
  read.durationMs('WAIT', { fallback: 1000, min: 0, max: 7_200_000 });
  expect(read.problems).toHaveLength(1);
});

test('a variable that is set to nothing counts as not set', () => {
  const read = new EnvReader({ A: '', B: '  ', C: '', D: '', E: '', F: '' });
  expect(read.optional('A')).toBeUndefined();
  expect(read.string('B', { fallback: 'b' })).toBe('b');
  expect(read.integer('C', { fallback: 1, min: 0, max: 2 })).toBe(1);
  expect(read.list('D', { fallback: ['x'] })).toEqual(['x']);
  expect(read.file('E')).toBeUndefined();
  expect(read.boolean('F', { fallback: true })).toBe(true);
  expect(read.problems).toEqual([]);
});

test('a list is split at commas and has no empty entries', () => {
  expect(new EnvReader({ L: ' a, b,,c ,' }).list('L', { fallback: [] })).toEqual(['a', 'b', 'c']);
});

test.each(['0.0.0.0:50050', '[::]:50050', 'registry.mcp2.svc:50050', '127.0.0.1:0'])(
  '%s is a host and port',
  (text) => {
    const read = new EnvReader({ LISTEN: text });
    expect(read.hostPort('LISTEN')).toBe(text);
    expect(read.problems).toEqual([]);
  },
);

test.each([':50050', '50050', '::1:50050', 'a:65536', 'http://a:1', 'a b:1', 'a:'])(
  '"%s" is no host and port',
  (text) => {
    const read = new EnvReader({ LISTEN: text });
    read.hostPort('LISTEN');
    expect(read.problems).toHaveLength(1);
  },
);

test('a file must exist and be a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-env-'));
  try {
    const present = join(folder, 'ca.crt');
    writeFileSync(present, 'x');
    const read = new EnvReader({ CA: present, KEY: join(folder, 'absent'), CERT: folder });
    expect(read.file('CA')).toBe(present);
    read.file('KEY');
    read.file('CERT');
    read.requiredFile('JWKS');
    expect(read.problems).toEqual([
      'KEY names a file that does not exist',
      'CERT must be the path of a file, not of a folder',
      'JWKS is required',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a device is no file to read', () => {
  const read = new EnvReader({ CA: '/dev/null' });
  read.file('CA');
  expect(read.problems).toEqual(['CA must be the path of a regular file, not of a pipe, socket or device']);
});
