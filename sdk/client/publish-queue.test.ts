import { expect, test } from 'vitest';
import { PublishQueue } from './publish-queue.ts';

interface Named {
  readonly topic: string;
  readonly name: string;
  readonly bytes: number;
}

function queueOf(names: readonly string[], options: { readonly pipelined?: boolean } = {}) {
  const queue = new PublishQueue<Named>({ maxEvents: 4, maxBytes: 100, pipelined: false, ...options });
  const events = new Map(names.map((name) => [name, { name, topic: name.slice(0, 1), bytes: 10 }]));
  for (const event of events.values()) queue.add(event);
  return { queue, event: (name: string) => events.get(name) as Named };
}

/** Everything that may be sent now. */
function sent(queue: PublishQueue<Named>, nowMs = 0): string[] {
  const names: string[] = [];
  for (let next = queue.take(nowMs); next !== undefined; next = queue.take(nowMs)) names.push(next.name);
  return names;
}

test('the first of each topic is sent, and the next one when it is settled', () => {
  const { queue, event } = queueOf(['a1', 'a2', 'b1', 'a3']);
  expect(sent(queue)).toEqual(['a1', 'b1']);
  queue.settle(event('a1'));
  expect(sent(queue)).toEqual(['a2']);
  queue.settle(event('b1'));
  expect(sent(queue)).toEqual([]);
});

test('an event that was refused for now holds back those behind it, and no other topic', () => {
  const { queue, event } = queueOf(['a1', 'a2', 'b1', 'b2']);
  sent(queue);
  queue.refuse(event('a1'), 500);
  queue.settle(event('b1'));
  expect(sent(queue, 499)).toEqual(['b2']);
  expect(queue.dueMs()).toBe(500);
  expect(sent(queue, 500)).toEqual(['a1']);
  queue.settle(event('a1'));
  expect(sent(queue, 500)).toEqual(['a2']);
});

test('after a break what was sent is sent once more, in its order', () => {
  const { queue, event } = queueOf(['a1', 'b1', 'a2', 'b2']);
  sent(queue);
  queue.settle(event('b1'));
  sent(queue);
  expect(queue.returnSent().map(({ name }) => name)).toEqual(['a1', 'b2']);
  expect(sent(queue).sort()).toEqual(['a1', 'b2']);
});

test('pipelined, all of a topic are sent, and after a refusal the later ones wait', () => {
  const { queue, event } = queueOf(['a1', 'a2', 'a3'], { pipelined: true });
  expect(sent(queue)).toEqual(['a1', 'a2', 'a3']);
  queue.settle(event('a2'));
  queue.refuse(event('a1'), 100);
  queue.add({ name: 'a4', topic: 'a', bytes: 10 });
  expect(sent(queue, 50)).toEqual([]);
  expect(sent(queue, 100)).toEqual(['a1', 'a4']);
  queue.returnSent();
  expect(sent(queue, 100)).toEqual(['a1', 'a3', 'a4']);
});

test('it is full with so many events, or bytes; one is taken however large it is', () => {
  const queue = new PublishQueue<Named>({ maxEvents: 2, maxBytes: 100, pipelined: false });
  expect(queue.hasRoomFor(1_000)).toBe(true);
  const large = { name: 'a1', topic: 'a', bytes: 95 };
  queue.add(large);
  expect([queue.hasRoomFor(5), queue.hasRoomFor(6)]).toEqual([true, false]);
  queue.add({ name: 'a2', topic: 'a', bytes: 1 });
  expect(queue.hasRoomFor(1)).toBe(false);
  queue.settle(large);
  expect(queue.hasRoomFor(99)).toBe(true);
});

test('any order of answers, refusals and breaks keeps the order of each topic', () => {
  const next = lcg(7);
  for (let round = 0; round < 200; round += 1) {
    const queue = new PublishQueue<Named>({ maxEvents: 100, maxBytes: 1e6, pipelined: false });
    const added = Array.from({ length: 30 }, (_, i) => {
      const topic = 'abc'.charAt(next(3));
      return { name: `${topic}${i}`, topic, bytes: 1 };
    });
    for (const event of added) queue.add(event);
    const applied: Named[] = [];
    let onWire: Named[] = [];
    for (let nowMs = 0; queue.size > 0; nowMs += 1) {
      for (let event = queue.take(nowMs); event !== undefined; event = queue.take(nowMs)) onWire.push(event);
      const [event] = onWire.splice(next(onWire.length || 1), 1);
      if (event === undefined) continue;
      const what = next(4);
      if (what === 0) queue.refuse(event, nowMs + next(3));
      else if (!applied.includes(event)) applied.push(event);
      if (what === 1) {
        // The answer was lost.
        queue.returnSent();
        onWire = [];
      } else if (what > 1) queue.settle(event);
    }
    for (const topic of 'abc') {
      const order = (events: readonly Named[]) => events.filter((event) => event.topic === topic);
      expect(order(applied)).toEqual(order(added));
    }
  }
});

function lcg(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}
