import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock, untilIdle } from '#lib/manual-clock.ts';
import {
  type HandshakeResult,
  MAX_CONCURRENT_HANDSHAKES,
  MAX_HANDSHAKES_A_NAMESPACE,
  MIN_TURN_MS,
  Prober,
  type ProbeTarget,
} from './prober.ts';

const SETTINGS = { intervalSeconds: 30, timeoutSeconds: 3, failureThreshold: 3, successThreshold: 1 };
const KEY = 'shop/db';

const card = (digest = 'd1') => ({
  digest,
  card: { name: 'DB', version: '1', protocol: 'mcp2/1', services: [], capabilities: [] },
});
const good = (digest?: string): HandshakeResult => ({ ok: true, card: card(digest) });
const bad: HandshakeResult = { ok: false, reason: 'Unreachable', message: 'nothing answers' };

let clock: ManualClock;
let prober: Prober;
let changes: string[];
let handshakes: number;
let answer: () => Promise<HandshakeResult>;

beforeEach(() => {
  clock = new ManualClock();
  changes = [];
  handshakes = 0;
  answer = async () => good();
  prober = new Prober({ clock, random: () => 0.5, onChange: (key) => changes.push(key) });
});

afterEach(() => prober.stop());

function target(changed: Partial<ProbeTarget> = {}): ProbeTarget {
  const handshake = () => {
    handshakes += 1;
    return answer();
  };
  return { instanceId: 'a', identity: 'one', trusted: false, handshake, ...changed };
}

const verified = () => prober.verdict(KEY, 'a').verified;

test('a new endpoint is verified at once, and again after each interval', async () => {
  prober.update(KEY, [target()], SETTINGS);
  await untilIdle();
  expect(prober.verdict(KEY, 'a')).toMatchObject({ verified: true, card: { digest: 'd1' } });
  expect(changes).toEqual([KEY]);
  await clock.advance(30_000);
  expect(handshakes).toBe(2);
  expect(changes).toEqual([KEY]);
});

test('an endpoint that is just starting is tried again soon, then more and more rarely', async () => {
  answer = async () => bad;
  prober.update(KEY, [target()], SETTINGS);
  await untilIdle();
  expect(prober.verdict(KEY, 'a')).toMatchObject({ verified: false, failure: { reason: 'Unreachable' } });
  await clock.advance(7_000);
  expect(handshakes).toBe(4);
  answer = async () => good();
  await clock.advance(8_000);
  expect(verified()).toBe(true);
});

test('a verified endpoint is given up only after the threshold of failures in a row', async () => {
  prober.update(KEY, [target()], SETTINGS);
  await untilIdle();
  answer = async () => bad;
  await clock.advance(60_000);
  expect(verified()).toBe(true);
  answer = async () => good();
  await clock.advance(30_000);
  answer = async () => bad;
  await clock.advance(60_000);
  expect(verified()).toBe(true);
  await clock.advance(30_000);
  expect(verified()).toBe(false);
  expect(changes).toEqual([KEY, KEY]);
});

test('an endpoint that Discovery already serves is verified within one interval, and trusted until it failed often', async () => {
  answer = async () => bad;
  prober.update(KEY, [target({ trusted: true })], SETTINGS);
  await untilIdle();
  expect(handshakes).toBe(0);
  await clock.advance(30_000);
  expect(handshakes).toBeGreaterThan(0);
  expect(verified()).toBeUndefined();
  await clock.advance(60_000);
  expect(verified()).toBe(false);
});

test('several successes in a row can be asked for', async () => {
  prober.update(KEY, [target()], { ...SETTINGS, successThreshold: 3 });
  await untilIdle();
  expect(verified()).toBeUndefined();
  await clock.advance(10_000);
  expect(verified()).toBe(true);
});

test('a changed card is told, an unchanged one is not', async () => {
  prober.update(KEY, [target()], SETTINGS);
  await untilIdle();
  answer = async () => good('d2');
  await clock.advance(30_000);
  expect(changes).toEqual([KEY, KEY]);
  await clock.advance(60_000);
  expect(changes).toEqual([KEY, KEY]);
});

test('a changed identity forgets the verdict; what left is no longer asked', async () => {
  prober.update(KEY, [target()], SETTINGS);
  await untilIdle();
  answer = () => new Promise(() => undefined);
  prober.update(KEY, [target({ identity: 'two' })], SETTINGS);
  expect(verified()).toBeUndefined();
  prober.update(KEY, [], SETTINGS);
  const before = handshakes;
  await clock.advance(300_000);
  expect(handshakes).toBe(before);
});

test('a handshake that ignores its signal ends with the timeout and gives its place back', async () => {
  answer = () => new Promise(() => undefined);
  prober.update(KEY, [target()], SETTINGS);
  await clock.advance(3_000);
  expect(prober.verdict(KEY, 'a').failure?.message).toBe('no answer within 3 s');
});

test('no more handshakes run at once than the bound, and all get their turn', async () => {
  const open: (() => void)[] = [];
  answer = () => new Promise((resolve) => open.push(() => resolve(good())));
  const targets = Array.from({ length: MAX_HANDSHAKES_A_NAMESPACE }, (_, index) => target({ instanceId: `i${index}` }));
  for (const namespace of ['a', 'b']) prober.update(`${namespace}/db`, targets, SETTINGS);
  prober.update('c/db', targets.slice(0, 10), SETTINGS);
  await untilIdle();
  expect(open).toHaveLength(MAX_CONCURRENT_HANDSHAKES);
  for (const end of open.splice(0)) end();
  await clock.advance(MIN_TURN_MS - 1);
  expect(open).toHaveLength(0);
  await clock.advance(1);
  expect(open).toHaveLength(10);
});

test('endpoints that never answer hold up their own namespace and no other', async () => {
  const silent = Array.from({ length: 1000 }, (_, index) => target({ instanceId: `i${index}` }));
  answer = () => new Promise(() => undefined);
  prober.update('evil/db', silent, SETTINGS);
  await untilIdle();
  expect(handshakes).toBe(MAX_HANDSHAKES_A_NAMESPACE);
  answer = async () => good();
  prober.update(KEY, [target()], SETTINGS);
  await untilIdle();
  expect(verified()).toBe(true);
});
