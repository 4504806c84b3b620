/** `mcp2 subscribe` and `subscriptions`, over restarts of the bus, Ctrl-C and text that wants to do harm. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '#sdk/client/index.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, type Standalone, startMcp2 } from '../harness/mcp2-command.ts';
import { type HereOptions, type RunningHere, runMcp2Here, startMcp2Here } from '../harness/mcp2-here.ts';

let up: Standalone;
beforeAll(async () => {
  up = await createStandalone();
  await up.start();
});
afterAll(() => up?.[Symbol.asyncDispose]());

const run = (args: readonly string[], options: Partial<HereOptions> = {}) =>
  runMcp2Here(args, { state: up.state, ...options });
const start = (...args: readonly string[]) => startMcp2Here(args, { state: up.state });
const publish = async (topic: string, payload: string, ...more: readonly string[]) => {
  expect(await run(['publish', topic, payload, ...more])).toMatchObject({ code: 0 });
};

interface Shown {
  readonly topic: string;
  readonly sequence: number;
  readonly payload: string;
  readonly cursor: string;
  readonly attempt?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

async function eventsOf(...args: readonly string[]): Promise<Shown[]> {
  const { code, stdout, stderr } = await run(['subscribe', ...args, '-o', 'json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return shownBy(stdout);
}

function shownBy(stdout: string): Shown[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Shown);
}

const payloadsOf = (events: readonly Shown[]) => events.map(({ payload }) => payload);

/** New events reach it: published until one is seen, since nothing tells when its stream is open. */
async function untilFollowing(following: RunningHere, topic: string): Promise<void> {
  await eventually(
    async () => {
      await publish(topic, 'first');
      return following.stdout();
    },
    (stdout) => stdout.includes('first'),
  );
}

test('it begins where it is told to', async () => {
  for (const n of [1, 2, 3]) await publish('begins:a', `a${n}`);
  await publish('begins:b', 'b1');
  const all = await eventsOf('begins:*', '--from', 'beginning', '--count', '4');
  expect(payloadsOf(all)).toEqual(['a1', 'a2', 'a3', 'b1']);
  const [first] = all;
  const from = async (where: string, count: number, filter = 'begins:*') =>
    payloadsOf(await eventsOf(filter, '--from', where, '--count', String(count)));
  expect(await from('2', 2, 'begins:a')).toEqual(['a2', 'a3']);
  expect(await from('last', 2)).toEqual(['a3', 'b1']);
  expect(await from('1h', 1)).toEqual(['a1']);
  expect(await from('2020-01-01T00:00:00Z', 4)).toEqual(['a1', 'a2', 'a3', 'b1']);
  expect(await from(first?.cursor ?? '', 3)).toEqual(['a2', 'a3', 'b1']);
});

test.each([
  ['a sequence of several topics', ['begins:*', '--from', '2'], 1, /ARGUMENT_INVALID/],
  [
    'a cursor of another log',
    ['begins:*', '--from', `cursor:${'A'.repeat(22)}`],
    1,
    /LOG_EPOCH\): the log was restored/,
  ],
  ['a time to come', ['begins:*', '--from', '2100-01-01'], 1, /START_IN_FUTURE/],
  ['a topic of the bus', ['_any'], 1, /TOPIC_RESERVED/],
  ['parked events of nobody', ['_dlq:nobody'], 1, /SUBSCRIPTION_UNKNOWN|CAPABILITY_DENIED/],
  ['a filter that is none', ['a*b'], 2, /no filter of topics/],
  ['a position that is none', ['a', '--from', 'soon'], 2, /says no position/],
  ['no events', ['a', '--count', '0'], 2, /whole number from 1/],
  ['a name that is none', ['a', '--durable', 'a b'], 2, /no name of a durable subscription/],
  ['terms of a durable subscription', ['a', '--ack-wait', '1s'], 2, /for --durable/],
])('%s is refused with a sentence', async (_title, args, code, why) => {
  const ended = await run(['subscribe', ...args]);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toMatch(why);
  expect(ended.stderr).not.toMatch(/unexpected error/);
});

test('it follows until Ctrl-C, and says where to go on', async () => {
  const following = start('subscribe', 'follow:*', '--times');
  await untilFollowing(following, 'follow:a');
  following.interrupt();
  const { code, stdout, stderr } = await following.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {3}follow:a {3}\d+ {3}first\n/);
  const cursor = /--from (cursor:[\w-]+) goes on from there/.exec(stderr)?.[1] ?? '';
  await publish('follow:b', 'next');
  expect(payloadsOf(await eventsOf('follow:b', '--from', cursor, '--count', '1'))).toEqual(['next']);
});

test('a signal ends the process in order', async () => {
  const process = await startMcp2(['subscribe', 'ends:here', '--from', 'beginning'], { state: up.state });
  await publish('ends:here', 'seen');
  await eventually(
    () => process.log(),
    (output) => output.includes('ends:here   1   seen'),
  );
  expect(await process.send('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await process.log()).toMatch(/Stopped after 1 event; --from cursor:/);
});

test('a bus that restarts while it follows costs nothing and is told of', async () => {
  const plain = start('subscribe', 'restart:*', '--from', 'beginning', '-o', 'json');
  const durable = start('subscribe', 'restart:*', '--from', 'beginning', '-o', 'json', '--durable', 'restarts');
  const both = [plain, durable];
  const seen = (count: number) =>
    eventually(
      () => both.map((one) => shownBy(one.stdout()).length),
      (counts) => counts.every((n) => n >= count),
      { timeoutMs: 30_000 },
    );
  for (const n of [1, 2]) await publish('restart:a', `before ${n}`);
  await seen(2);
  await up.kill();
  await eventually(
    () => both.map((one) => one.stderr()),
    (texts) => texts.every((text) => /The connection to the event bus ended: .*Resuming/.test(text)),
  );
  await up.start();
  for (const n of [1, 2]) await publish('restart:a', `after ${n}`);
  await seen(4);
  for (const one of both) {
    one.interrupt();
    const { code, stdout, stderr } = await one.ended;
    expect(code).toBe(0);
    const wanted = ['before 1', 'before 2', 'after 1', 'after 2'];
    // A durable subscription may see again what it had not acknowledged when the bus died.
    expect([...new Set(payloadsOf(shownBy(stdout)))]).toEqual(wanted);
    if (one === plain) expect(shownBy(stdout)).toHaveLength(4);
    expect(stderr.match(/Resuming/g)).toHaveLength(1);
    expect(stderr).toContain('Resumed: events come again.');
  }
});

test('a durable subscription goes on where it stood, and is listed and deleted', async () => {
  for (const n of [1, 2, 3]) await publish('kept:a', String(n));
  const args = ['kept:*', '--durable', 'kept-1', '--from', 'beginning', '--count'];
  expect(payloadsOf(await eventsOf(...args, '2'))).toEqual(['1', '2']);
  expect(payloadsOf(await eventsOf(...args, '1'))).toEqual(['3']);
  const listed = await run(['subscriptions']);
  expect(listed.stdout).toMatch(/^NAME +FILTER +PENDING +IN FLIGHT +PARKED +ACTIVE\n/);
  expect(listed.stdout).toMatch(/^kept-1 +kept:\* +0 +0 +0 +no$/m);
  const { subscriptions } = JSON.parse((await run(['subscriptions', '-o', 'json'])).stdout);
  expect(subscriptions).toContainEqual({
    ...{ name: 'kept-1', filter: 'kept:*', pending: 0, in_flight: 0, parked: 0, active: false },
    last_used_at: expect.stringMatching(/^20.*Z$/),
  });
  const other = await run(['subscribe', 'kept:b', '--durable', 'kept-1']);
  expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/FILTER_FIXED\): "mcp2 subscriptions" shows/) });
  const foreign = await run(['subscriptions', '--as', 'default.other']);
  expect(foreign).toEqual({ code: 0, stdout: '', stderr: 'There are no durable subscriptions of this subject.\n' });
  expect(await run(['subscriptions', 'delete', 'kept-1', '--as', 'default.other'])).toMatchObject({
    code: 1,
    stdout: '',
  });
  expect((await run(['subscriptions', 'delete', 'kept-1'])).stdout).toBe('Deleted the subscription kept-1.\n');
  const again = await run(['subscriptions', 'delete', 'kept-1']);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('no durable subscription kept-1') });
});

test('what was delivered too often is parked, shown, and published again as it was', async () => {
  const about = ['--content-type', 'text/plain', '--attribute', 'color=red', '--attribute', 'size=3'];
  await publish('parks:a', 'poison', ...about);
  await publish('parks:a', 'poison 2', ...about);
  await parkAll('parks-1', 'parks:*', 2);
  const { stdout, stderr } = await run(['subscriptions', 'parked', 'parks-1']);
  expect(stderr).toBe('');
  expect(stdout).toBe(
    'parks:a   1   max_deliver after 1 attempt   poison\nparks:a   2   max_deliver after 1 attempt   poison 2\n',
  );
  const parked = shownBy((await run(['subscriptions', 'parked', 'parks-1', '-o', 'json'])).stdout);
  expect(parked[0]).toMatchObject({
    topic: '_dlq:parks-1',
    attributes: { color: 'red', 'mcp2-topic': 'parks:a', 'mcp2-sequence': '1', 'mcp2-reason': 'max_deliver' },
  });
  const replay = ['subscriptions', 'parked', 'parks-1', '--replay'];
  expect((await run(replay)).stdout).toBe('2 events published again\n');
  expect((await run(replay)).stdout).toBe('0 events published again; 2 were there already\n');
  const events = await eventsOf('parks:a', '--from', '3', '--count', '2');
  expect(events).toMatchObject([
    {
      payload: 'poison',
      content_type: 'text/plain',
      id: 'replay/parks:a/1/1',
      attributes: { color: 'red', size: '3' },
    },
    { payload: 'poison 2', sequence: 4 },
  ]);
  expect(Object.keys(events[0]?.attributes ?? {})).toEqual(['color', 'size']);
  expect(await run(['subscriptions', 'parked', 'nobody'])).toMatchObject({ code: 1, stdout: '' });
});

test('nothing parked is said', async () => {
  await run(['subscribe', 'begins:*', '--durable', 'clean', '--from', 'beginning', '--count', '1']);
  const parked = await run(['subscriptions', 'parked', 'clean']);
  expect(parked).toEqual({ code: 0, stdout: '', stderr: 'Nothing is parked.\n' });
});

/** Reads without a word of thanks, as a program that crashes would. */
async function parkAll(name: string, filter: string, count: number): Promise<void> {
  const rights = ['--aud', 'EventBusServer', '--capability', `event:subscribe:${filter}`];
  const token = (await run(['token', 'mint', ...rights])).stdout.trim();
  using client = await connect({ token, ambient: { env: { MCP2_STATE: up.state } } });
  const terms = { durable: name, from: 'earliest', maxDeliver: 1, ackWaitMs: 200 } as const;
  await using events = client.subscribe(filter, terms);
  for (let seen = 0; seen < count; seen += 1) await events.next();
  const parked = async () => (await client.subscriptions()).find((one) => one.name === name)?.parked;
  await eventually(parked, (now) => now === count);
}

const HOSTILE = [
  'x\nFORGED: line',
  'x\rFORGED',
  'x\u2028FORGED',
  '::error file=FORGED::x',
  'x ##[add-path]FORGED',
  '##vso[task.setvariable variable=FORGED]x',
  '\u001b[2J\u001b[1;31mFORGED',
  '\u009b2JFORGED',
  '\u001b]0;FORGED\u0007',
  'x\u202eDEGROF',
  'FOR\u200bGED',
];

test('payloads and attributes of others move nothing, and come through as JSON unharmed', async () => {
  for (const text of HOSTILE)
    await publish('hostile:a', text, '--attribute', `note=${text.replace(/[^\p{L}\p{P}\p{S}\p{Cf}\p{Zl}]/gu, '')}`);
  const count = String(HOSTILE.length);
  const args = ['hostile:a', '--from', 'beginning', '--count', count];
  for (const more of [[], ['--times'], ['--cloudevents'], ['-o', 'json']]) {
    const { code, stdout } = await run(['subscribe', ...args, ...more]);
    expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: HOSTILE.length });
    expect(forgeries(stdout)).toEqual([]);
  }
  expect(payloadsOf(await eventsOf(...args))).toEqual(HOSTILE);
});

function forgeries(output: string): string[] {
  const lines = output.split('\n');
  return lines.filter(
    (line) =>
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line) || /^\s*::/.test(line) || /##\w*\[/.test(line) || /^FORGED/.test(line),
  );
}
