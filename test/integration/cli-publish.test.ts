/** `mcp2 publish`, and `topics`, as people and scripts call them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStandalone, LAUNCHER, type Standalone } from '../harness/mcp2-command.ts';
import { type HereOptions, runMcp2Here } from '../harness/mcp2-here.ts';

let up: Standalone;
const folder = mkdtempSync(join(tmpdir(), 'mcp2-publish-'));
beforeAll(async () => {
  up = await createStandalone();
  await up.start();
});
afterAll(async () => {
  await up?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = (args: readonly string[], options: Partial<HereOptions> = {}) =>
  runMcp2Here(args, { state: up.state, ...options });

interface Shown {
  readonly topic: string;
  readonly sequence: number;
  readonly payload?: string;
  readonly [name: string]: unknown;
}

/** Every event of a topic, as `subscribe` shows it to programs. */
async function eventsOf(topic: string, count: number): Promise<Shown[]> {
  const { code, stdout, stderr } = await run([
    'subscribe',
    topic,
    '--from',
    'beginning',
    '--count',
    String(count),
    '-o',
    'json',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Shown);
}

test('an event is published, and its place is told to people and to programs', async () => {
  expect(await up.run(['publish', 'first:told', 'hello'])).toEqual({
    ...{ code: 0, stdout: 'first:told   sequence 1\n', stderr: '' },
  });
  const { stdout } = await run(['publish', 'first:told', '{"a": 1}', '-o', 'json']);
  expect(JSON.parse(stdout)).toEqual({
    topic: 'first:told',
    sequence: 2,
    duplicate: false,
    cursor: expect.stringMatching(/^cursor:[\w-]{22}$/),
  });
  expect((await eventsOf('first:told', 2)).map(({ payload }) => payload)).toEqual(['hello', '{"a": 1}']);
});

test('an id makes a repeated command one event, and another payload under it is refused', async () => {
  const args = ['publish', 'once:only', 'x', '--id', 'order-7'];
  expect((await run(args)).stdout).toBe('once:only   sequence 1\n');
  const again = await run(args);
  expect(again).toMatchObject({ code: 0, stdout: 'once:only   sequence 1\n' });
  expect(again.stderr).toMatch(/there already/);
  const other = await run(['publish', 'once:only', 'y', '--id', 'order-7']);
  expect(other).toMatchObject({ code: 1, stdout: '' });
  expect(other.stderr).toMatch(/^error: .*\(EVENT_ID_REUSED\)\n$/);
});

test('what is said of an event reaches its subscribers', async () => {
  const about = ['--content-type', 'text/plain', '--attribute', 'color=red', '--attribute', 'note=a=b, c'];
  await run(['publish', 'told:about', 'x', '--id', 'i-1', ...about]);
  expect(await eventsOf('told:about', 1)).toMatchObject([
    {
      id: 'i-1',
      content_type: 'text/plain',
      attributes: { color: 'red', note: 'a=b, c' },
      publisher: 'default.developer',
      previous_sequence: 0,
    },
  ]);
  const { code, stderr } = await run(['publish', 'told:about', 'x', '--attribute', 'mcp2-reason=x']);
  expect(code).toBe(1);
  expect(stderr).toContain('ARGUMENT_INVALID');
});

test('an expected sequence lets one of two publishers through', async () => {
  const publish = (expected: string) => run(['publish', 'counted:on', 'x', '--expected-last-sequence', expected]);
  expect((await publish('0')).code).toBe(0);
  const late = await publish('0');
  expect(late).toMatchObject({ code: 1, stdout: '' });
  expect(late.stderr).toContain('SEQUENCE_MISMATCH');
  expect((await publish('1')).stdout).toBe('counted:on   sequence 2\n');
});

test('bytes come from a file or from stdin as they are', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 27]);
  const file = join(folder, 'bytes, with a comma');
  writeFileSync(file, bytes);
  await run(['publish', 'some:bytes', '--file', file]);
  await up.run(['publish', 'some:bytes', '-'], { input: bytes });
  await run(['publish', 'some:bytes', '']);
  const events = await eventsOf('some:bytes', 3);
  const base64 = bytes.toString('base64');
  expect(events.map((event) => event.payload_base64 ?? event.payload)).toEqual([base64, base64, '']);
});

test('several files are several events, each with an id of its own', async () => {
  const files = ['a', 'b', 'c'].map((text) => {
    writeFileSync(join(folder, text), text);
    return ['--file', join(folder, text)];
  });
  const args = ['publish', 'some:files', ...files.flat(), '--id', 'batch'];
  expect((await run(args)).stdout).toBe('some:files   sequence 3   3 events\n');
  expect((await run(args)).stdout).toBe('some:files   sequence 3   3 events, 3 of them there already\n');
  expect((await eventsOf('some:files', 3)).map(({ id, payload }) => `${id} ${payload}`)).toEqual([
    ...['batch/1 a', 'batch/2 b', 'batch/3 c'],
  ]);
});

test('each line of stdin is an event, in the order of the lines', async () => {
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
  const { code, stdout } = await run(['publish', 'some:lines', '--lines'], { input: `${lines.join('\n\n')}\r\n` });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'some:lines   sequence 300   300 events\n' });
  expect((await eventsOf('some:lines', 300)).map(({ payload }) => payload)).toEqual(lines);
  const none = await run(['publish', 'some:lines', '--lines', '-o', 'json'], { input: '' });
  expect(JSON.parse(none.stdout)).toEqual({ topic: 'some:lines', published: 0, duplicates: 0, last_sequence: 0 });
});

test('a line that is refused is named, and nothing after it is published', async () => {
  const lines = Array.from({ length: 2_000 }, (_, i) => (i === 20 ? 'no CloudEvent' : cloudEvent(String(i))));
  const args = ['publish', 'bad:lines', '--lines', '--cloudevents', 'binary'];
  const { code, stdout, stderr } = await run(args, { input: lines.join('\n') });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toBe('error: line 21: the payload is no CloudEvent: it is no JSON\n');
  const refused = await run(['publish', 'bad:lines', '--lines', '--attribute', 'mcp2-x=y'], { input: 'a\nb\nc' });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^error: line 1: .*\(ARGUMENT_INVALID at attributes.*\); nothing was published\n$/);
});

function cloudEvent(id: string): string {
  return JSON.stringify({ specversion: '1.0', id, source: 'shop', type: 'order', data: { order: Number(id) } });
}

test.each(['structured', 'binary'])('a CloudEvent that is published %s comes out as one', async (mode) => {
  const topic = `cloud:${mode}`;
  expect((await run(['publish', topic, cloudEvent('7'), '--cloudevents', mode])).code).toBe(0);
  const { stdout } = await run(['subscribe', topic, '--from', 'beginning', '--count', '1', '--cloudevents']);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ specversion: '1.0', id: '7', source: 'default.developer', originsource: 'shop', type: 'order' },
    ...{ subject: topic, sequence: '1', data: { order: 7 } },
  });
});

test.each([
  ['no payload', [], 2, /there is no payload/],
  ['two payloads', ['x', '--lines'], 2, /comes from one place/],
  ['a payload and a file', ['x', '--file', 'f'], 2, /comes from one place/],
  ['an empty id', ['x', '--id', ''], 2, /--id is empty/],
  ['an attribute without a value', ['x', '--attribute', 'a'], 2, /key=value/],
  ['a mode that is none', ['x', '--cloudevents', 'json'], 2, /structured, binary/],
  ['two media types', ['x', '--cloudevents', 'binary', '--content-type', 'a/b'], 2, /leave out/],
  ['a file that is absent', ['--file', '/nonexistent'], 1, /nonexistent cannot be read: there is no such file/],
  ['a file without an end', ['--file', '/dev/zero'], 1, /cannot be read/],
  ['a text that is too long', ['x'.repeat(130_000), '--attribute', `a=${'y'.repeat(40_000)}`], 1, /ARGUMENT_INVALID/],
] as const)('%s is refused', async (_title, args, code, why) => {
  const ended = await run(['publish', 'refused:a', ...args]);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toMatch(why);
  expect(ended.stderr).not.toMatch(/unexpected error/);
});

test('what is larger than an event may be is refused before it is sent', async () => {
  const input = Buffer.alloc(256 * 1024 + 1, 'x');
  for (const args of [['-'], ['--lines']]) {
    const ended = await run(['publish', 'too:large', ...args], { input });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/(larger|longer) than 256 KiB/);
  }
  expect((await run(['publish', 'just:right', '-'], { input: input.subarray(1) })).code).toBe(0);
});

test.each(['', 'a b', 'a:', 'a:*', '\u001b[2J', '_dlq:x', 'x'.repeat(600), Array(13).fill('a').join(':')])(
  'the topic %j is refused',
  async (topic) => {
    const { code, stdout, stderr } = await run(['publish', topic, 'x']);
    expect({ code: code === 0, stdout }).toEqual({ code: false, stdout: '' });
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stderr).not.toMatch(/unexpected|\p{Cf}/u);
    expect(stderr).not.toContain('\u001b');
  },
);

test('a topic as long as one may be is published under a right that can be written', async () => {
  const topic = Array.from({ length: 4 }, (_, i) => String(i).repeat(127)).join(':');
  expect(topic).toHaveLength(511);
  const { code, stderr } = await run(['publish', topic, 'x']);
  // The bus itself may find it too long; the token must not be in the way.
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual(
    code === 0 ? { code: 0, stderr: '' } : { code: 1, stderr: expect.stringContaining('NAME_INVALID') },
  );
});

test('topics are listed with what is kept of each', async () => {
  for (const topic of ['listed:a', 'listed:b', 'listed:b']) await run(['publish', topic, 'x']);
  const { stdout } = await run(['topics', 'listed:*']);
  expect(stdout).toBe('TOPIC      FIRST   LAST   EVENTS\nlisted:a   1       1      1\nlisted:b   1       2      2\n');
  expect((await run(['topics', 'listed:*', '--wide'])).stdout).toMatch(/BYTES +PUBLISHED\nlisted:a .* \d+ +\d+s ago\n/);
  expect(JSON.parse((await run(['topics', 'listed:b', '-o', 'json'])).stdout)).toEqual({
    topics: [
      {
        topic: 'listed:b',
        first_sequence: 1,
        last_sequence: 2,
        events: 2,
        bytes: expect.any(Number),
        last_published_at: expect.stringMatching(/^20.*Z$/),
      },
    ],
  });
  const cut = await run(['topics', 'listed:*', '--limit', '1']);
  expect(cut.stdout.split('\n')).toHaveLength(3);
  expect(cut.stderr).toContain('more than 1');
  expect(await run(['topics', 'nothing:*'])).toEqual({ code: 0, stdout: '', stderr: 'No topic matches nothing:*.\n' });
});

test('a token that is given is used as it is, and is never printed', async () => {
  const mint = async (...args: readonly string[]) => (await run(['token', 'mint', ...args])).stdout.trim();
  const good = await mint('--aud', 'EventBusServer', '--capability', 'event:publish:given:a', '--sub', 'shop.agent');
  expect((await run(['publish', 'given:a', 'x'], { env: { MCP2_TOKEN: good } })).code).toBe(0);
  const refusals: [string, RegExp][] = [
    [good, /CAPABILITY_DENIED/],
    [await mint('--aud', 'Other', '--capability', 'event:publish:given:b'), /AUDIENCE_MISMATCH/],
    ['ey.no.token', /TOKEN_MALFORMED/],
  ];
  for (const [token, why] of refusals) {
    const ended = await run(['publish', 'given:b', 'x', '--token-file', '-'], { input: token });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(why);
    expect(ended.stderr).not.toContain(token);
  }
  const both = await run(['publish', 'given:a', '-', '--token-file', '-'], { input: good });
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('not both') });
});

test('without an event bus each command says at once what to do', async () => {
  const state = join(folder, 'no-state');
  const commands = [['publish', 'a', 'x'], ['subscribe', 'a'], ['topics'], ['subscriptions']];
  for (const args of commands) {
    const here = await run(args, { state });
    expect(here).toMatchObject({ code: 1, stdout: '' });
    expect(here.stderr).toMatch(/no event bus runs here: start one with "npm start"/);
    const there = await run([...args, '--address', '127.0.0.1:1']);
    expect(there).toMatchObject({ code: 1, stdout: '' });
    expect(there.stderr).toMatch(/no event bus answers at 127\.0\.0\.1:1: check the address/);
    const far = await run([...args, '--address', 'bus.example:50052']);
    expect(far.stderr).toMatch(/another machine.*--ca FILE/);
  }
  const registry = await run(['topics', '--address', `127.0.0.1:${up.port}`]);
  expect(registry).toMatchObject({ code: 1, stderr: expect.stringContaining('is no event bus') });
});

test('a reader of its output that is gone ends it without a word', () => {
  const command = [process.execPath, LAUNCHER, 'subscribe', 'some:lines', '--from', 'beginning'];
  const script = `${command.map((word) => `'${word}'`).join(' ')} | head -1`;
  const env = { PATH: process.env.PATH, HOME: up.state, MCP2_STATE: up.state };
  expect(execFileSync('sh', ['-c', script], { env, encoding: 'utf8' })).toBe('some:lines   1   line 0\n');
});
