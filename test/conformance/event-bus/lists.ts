/** ListTopics and ListSubscriptions. */
import { describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { eventually } from '../../harness/eventually.ts';
import { type BusUnderTest, expectRefused, useBus } from './bus-under-test.ts';

export function describeLists(under: BusUnderTest): void {
  describe.concurrent('ListTopics', () => {
    const bus = useBus(under);

    test('names the topics that match, sorted, with what is kept of each', async () => {
      const caller = await bus().caller();
      const root = ownName();
      const beforeMs = Date.now();
      const payload = Buffer.alloc(1_000, 1);
      await caller.publishEach([`${root}:b`, `${root}:a`, `${root}:b`, `${root}`, `${root}:c:d`], { payload });
      const { topics, next_page_token: next } = await caller.listTopics(`${root}:*`);
      expect(next).toBe('');
      expect(
        topics.map(({ topic, first_sequence, last_sequence, events }) => [
          topic,
          first_sequence,
          last_sequence,
          events,
        ]),
      ).toEqual([
        [`${root}:a`, 1, 1, 1],
        [`${root}:b`, 1, 2, 2],
        [`${root}:c:d`, 1, 1, 1],
      ]);
      for (const info of topics) {
        expect(info.last_published_at_ms).toBeGreaterThanOrEqual(beforeMs);
        expect(info.last_published_at_ms).toBeLessThanOrEqual(Date.now());
        // Absent where the log does not know it.
        if (info._bytes === undefined) continue;
        expect(info.bytes).toBeGreaterThanOrEqual(info.events * 1_100);
        expect(info.bytes).toBeLessThanOrEqual(info.events * 1_500);
      }
    });

    test('a name without a wildcard is that topic, and one that has no event is none', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, `${topic}:a`]);
      expect((await caller.listTopics(topic)).topics.map((info) => info.topic)).toEqual([topic]);
      expect((await caller.listTopics(ownName())).topics).toEqual([]);
    });

    test('sorts by bytes', async () => {
      const caller = await bus().caller();
      const root = ownName();
      const names = ['a', 'B', '_', '1', 'a:b', 'a-b', 'a.b', 'aa', 'A:a'];
      await caller.publishEach(names.map((name) => `${root}:${name}`));
      const { topics } = await caller.listTopics(`${root}:*`);
      const expected = names
        .map((name) => `${root}:${name}`)
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(topics.map(({ topic }) => topic)).toEqual(expected);
    });

    test('comes in pages of 100, or of what is asked for, each topic once', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await using writer = caller.openPublisher();
      const names = Array.from({ length: 230 }, (_, i) => `${root}:${String(i).padStart(3, '0')}`);
      for (const topic of names) writer.send({ topic, publisher_token: caller.token });
      await writer.untilAcks(names.length);
      for (const [page_size, sizes] of [
        [0, [100, 100, 30]],
        [7, [...Array.from({ length: 32 }, () => 7), 6]],
        [1_000, [230]],
      ] as const) {
        const pages = [];
        for (let page_token = ''; pages.length === 0 || page_token !== ''; ) {
          const page = await caller.listTopics(`${root}:*`, { page_size, page_token });
          pages.push(page.topics.map(({ topic }) => topic));
          page_token = page.next_page_token;
        }
        expect(pages.flat()).toEqual(names);
        expect(pages.map(({ length }) => length).filter((length) => length > 0)).toEqual(sizes);
      }
    });

    test('an exact number of pages ends, with an empty page at most', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await caller.publishEach(Array.from({ length: 4 }, (_, i) => `${root}:${i}`));
      const first = await caller.listTopics(`${root}:*`, { page_size: 2 });
      const second = await caller.listTopics(`${root}:*`, { page_size: 2, page_token: first.next_page_token });
      expect([...first.topics, ...second.topics]).toHaveLength(4);
      if (second.next_page_token === '') return;
      const third = await caller.listTopics(`${root}:*`, { page_size: 2, page_token: second.next_page_token });
      expect([third.topics, third.next_page_token]).toEqual([[], '']);
    });

    test('a page token is that of its filter, and authorizes nothing', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await caller.publishEach(Array.from({ length: 4 }, (_, i) => `${root}:${i}`));
      const { next_page_token: page_token } = await caller.listTopics(`${root}:*`, { page_size: 2 });
      await expectRefused(caller.listTopics(`${root}:*:*`, { page_token }), 'PAGE_TOKEN_INVALID');
      await expectRefused(caller.listTopics('*', { page_token }), 'PAGE_TOKEN_INVALID');
      for (const garbage of ['x', page_token.slice(1), `${page_token}A`, '∞', 'A'.repeat(5_000)]) {
        await expectRefused(caller.listTopics(`${root}:*`, { page_token: garbage }), 'PAGE_TOKEN_INVALID');
      }
      const weaker = await bus().caller({ capabilities: ['event:subscribe:elsewhere'] });
      await expectRefused(weaker.listTopics(`${root}:*`, { page_token }), 'CAPABILITY_DENIED');
    });

    test('refuses a page of more than 1,000, and what is no filter', async () => {
      const caller = await bus().caller();
      await expectRefused(caller.listTopics('a', { page_size: 1_001 }), 'ARGUMENT_INVALID');
      for (const filter of ['', 'a::b', 'a*']) await expectRefused(caller.listTopics(filter), 'FILTER_INVALID');
      for (const filter of ['_dlq:*', '_a']) await expectRefused(caller.listTopics(filter), 'TOPIC_RESERVED');
    });
  });

  describe.concurrent('ListSubscriptions', () => {
    const bus = useBus(under);

    test("names the caller's own, sorted, with where each stands", async () => {
      const caller = await bus().caller();
      const stranger = await bus().caller();
      const topic = ownName();
      const beforeMs = Date.now();
      await caller.publishEach(Array.from({ length: 6 }, () => topic));
      const fields = { ack_mode: 1, start: 1, ack_wait_ms: 3_600_000 } as const;
      await using active = caller.subscribe(topic, { ...fields, durable_name: 'b', max_in_flight: 4 });
      const ids = (await active.take(4)).map(({ ack_id }) => ack_id);
      await caller.ack('b', { ack_ids: ids.slice(0, 1) });
      await caller.ack('b', { term_ids: ids.slice(1, 2) });
      await active.take(2);
      await caller.publishEach([topic]);
      await using left = caller.subscribe(`${topic}:*`, { durable_name: 'B', idle_heartbeat_ms: 100 });
      await left.follows();
      await left.close();
      await using plain = caller.subscribe(topic, { idle_heartbeat_ms: 100 });
      await plain.follows();
      await using theirs = stranger.subscribe(topic, { ...fields, durable_name: 'theirs' });
      await theirs.take(7);

      const listed = await eventually(
        () => caller.listSubscriptions(),
        (all) => all[0]?.active === false,
      );
      expect(listed.map(({ last_used_ms: _, ...info }) => info)).toEqual([
        { durable_name: 'B', topic_filter: `${topic}:*`, pending: 0, in_flight: 0, parked: 0, active: false },
        { durable_name: 'b', topic_filter: topic, pending: 1, in_flight: 4, parked: 1, active: true },
      ]);
      for (const { last_used_ms: usedMs } of listed) {
        expect(usedMs).toBeGreaterThanOrEqual(beforeMs);
        expect(usedMs).toBeLessThanOrEqual(Date.now());
      }
      expect(await (await bus().caller()).listSubscriptions()).toEqual([]);
    });

    test('needs any right to subscribe', async () => {
      const { sub } = await bus().caller();
      const any = await bus().caller({ sub, capabilities: ['event:subscribe:elsewhere:x'] });
      expect(await any.listSubscriptions()).toEqual([]);
      for (const capabilities of [['event:publish:*'], ['context:read:*'], ['event:publish:subscribe:a']]) {
        await expectRefused((await bus().caller({ sub, capabilities })).listSubscriptions(), 'CAPABILITY_DENIED');
      }
    });
  });
}
