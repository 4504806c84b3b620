/** Rule 6: where tests lie, and that none of them is switched off. */
import { expect, test } from 'vitest';
import { readSources, type SourceFile } from './repository.ts';
import { findInCode, importsOf } from './source-text.ts';

const PORTS_AND_PROCESSES = /^node:(?:net|http|https|http2|tls|dgram|child_process|cluster)$/;
const LISTENS = /\.listen\(|\.bindAsync\(|\bnew (?:grpc\.)?Server\(/g;
const SWITCHED_OFF = /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|only|todo|fails|skipIf|runIf)\b/g;

test('a test that opens a port or starts a process lies under test/', () => {
  expect(misplaced(readSources())).toEqual([]);
});

test('no test is skipped, postponed or run alone', () => {
  expect(switchedOff(readSources())).toEqual([]);
});

test.each([
  "import { createServer } from 'node:net';",
  "import { request } from 'node:http';",
  "import http2 from 'node:http2';",
  "import { spawn } from 'node:child_process';",
  "import { Server } from '@grpc/grpc-js';\nconst server = new Server();",
  "import { start } from './start.ts';\nserver.listen(0);",
  "import { startEtcd } from '../../test/harness/etcd.ts';",
])('a test beside its file may not have %s', (text) => {
  expect(misplaced([{ path: 'services/lib/a.test.ts', text }])).toHaveLength(1);
  expect(misplaced([{ path: 'test/integration/a.test.ts', text }])).toEqual([]);
});

test.each(['test.skip(', 'test.only(', 'test.todo(', 'describe.skip(', 'it.concurrent.only(', 'test.skipIf(on)('])(
  '%s is refused',
  (call) => {
    expect(switchedOff([{ path: 'services/lib/a.test.ts', text: `${call}'name', () => {});` }])).toHaveLength(1);
  },
);

function misplaced(files: readonly SourceFile[]): string[] {
  const beside = files.filter(({ path }) => path.endsWith('.test.ts') && !path.startsWith('test/'));
  return beside.flatMap((file) => [
    ...importsOf(file)
      .filter(({ specifier, target }) => PORTS_AND_PROCESSES.test(specifier) || target?.startsWith('test/'))
      .map(({ specifier }) => `${file.path} imports ${specifier}`),
    ...findInCode(file, LISTENS),
  ]);
}

function switchedOff(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => findInCode(file, SWITCHED_OFF));
}
