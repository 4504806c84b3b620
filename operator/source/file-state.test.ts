import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FileState, readFileState, writeFileState } from './file-state.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-state-'));
  path = join(folder, 'servers.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const ENTRY = {
  uid: 'a',
  serverName: 'A',
  specHash: 'a',
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
  file: 'a.yaml',
  hasFinalizer: false,
};
const METADATA = { name: 'a', namespace: 'default' };
const entry = (change: object) => JSON.stringify({ 'default/a': { ...ENTRY, ...change } });

test('what was written is read again, and nothing is nothing', async () => {
  expect(readFileState(path)).toEqual({});
  const resource = { metadata: METADATA, spec: { capabilities: [{ name: 'db:a:read' }] } };
  const condition = { type: 'Ready', status: 'True', reason: 'Serving', message: '', lastTransitionTime: '' };
  const state = { 'default/a': { ...ENTRY, resource, status: { conditions: [condition] } } } as unknown as FileState;
  await writeFileState(path, state);
  expect(readFileState(path)).toEqual(state);
});

test.each(['', 'garbage', '\u0000\u0001', '{"default/a":', '[1,2'])('%j is said to be no JSON', (content) => {
  writeFileSync(path, content);
  expect(() => readFileState(path)).toThrow(`${path} is not JSON; delete it, and servers are registered afresh`);
});

test.each([
  ['nothing', 'null'],
  ['a number', '5'],
  ['a list', '[]'],
  ['text', '"x"'],
  ['an entry that is nothing', '{"default/a":null}'],
  ['an entry that is a list', '{"default/a":[]}'],
  ['an empty entry', '{"default/a":{}}'],
  ['a uid that is a number', entry({ uid: 5 })],
  ['a name that is missing', entry({ serverName: undefined })],
  ['a generation that is text', entry({ generation: '1' })],
  ['a finalizer that is text', entry({ hasFinalizer: 'no' })],
  ['a resource that is nothing', entry({ resource: null })],
  ['a resource without a name', entry({ resource: { metadata: {}, spec: {} } })],
  ['a resource without a spec', entry({ resource: { metadata: METADATA } })],
  ['a server name that is a number', entry({ resource: { metadata: METADATA, spec: { serverName: 5 } } })],
  ['capabilities that are text', entry({ resource: { metadata: METADATA, spec: { capabilities: 'x' } } })],
  ['a capability that is nothing', entry({ resource: { metadata: METADATA, spec: { capabilities: [null] } } })],
  ['a status that is a number', entry({ status: 5 })],
  ['a condition that is nothing', entry({ status: { conditions: [null] } })],
  ['a condition without a message', entry({ status: { conditions: [{ type: 'Ready', status: 'True' }] } })],
])('%s is said to be damaged, with the file and what to do', (_title, content) => {
  writeFileSync(path, content);
  expect(() => readFileState(path)).toThrow(
    /servers\.json is damaged \(.*\); delete it, and servers are registered afresh/,
  );
});

test('a folder in its place is a sentence', () => {
  mkdirSync(path);
  expect(() => readFileState(path)).toThrow(/cannot read .*servers\.json: it is a folder/);
});
