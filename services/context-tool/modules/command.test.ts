import { expect, test } from 'vitest';
import { childCommand } from './command.ts';

const MIB = 1024 * 1024;
const module = { file: '/srv/shop tools/price.mjs', memoryBytes: 128 * MIB, native: false };
const NOTHING = { prlimit: undefined, setpriv: undefined, procfs: undefined };

test('Node itself with the permission model, where the machine offers nothing else', () => {
  const { command, args } = childCommand({ ...module, limits: NOTHING });
  expect(command).toBe(process.execPath);
  expect(args.slice(0, 3)).toEqual(['--max-old-space-size=96', '--max-semi-space-size=4', '--permission']);
  expect(args).toContain('--allow-fs-read=/srv/shop tools/');
  expect(args.at(-1)).toMatch(/\/modules\/child\/main\.ts$/);
  expect(args.filter((arg) => arg.startsWith('--allow-'))).toHaveLength(2);
});

test('prlimit bounds its data, setpriv binds it to its parent', () => {
  const limits = { ...NOTHING, prlimit: '/usr/bin/prlimit', setpriv: '/usr/bin/setpriv' };
  const { command, args } = childCommand({ ...module, limits });
  expect([command, ...args.slice(0, 7)]).toEqual([
    '/usr/bin/prlimit',
    `--data=${728 * MIB}`,
    '--',
    '/usr/bin/setpriv',
    '--pdeathsig',
    'KILL',
    '--',
    process.execPath,
  ]);
});

test('a native module may load addons, and reads the packages from which it resolves', () => {
  const file = import.meta.filename;
  const { args } = childCommand({ ...module, file, native: true, limits: NOTHING });
  expect(args).toContain('--allow-addons');
  expect(args.filter((arg) => /^--allow-fs-read=.*\/node_modules\/$/.test(arg))).toHaveLength(1);
});
