/** expected_last_sequence: whoever publishes by what it saw is told when somebody was faster. */
import { describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { type BusUnderTest, expectRefused, useBus } from './bus-under-test.ts';

export function describeCompareAndPublish(under: BusUnderTest): void {
  describe('compare and publish', () => {
    const bus = useBus(under);

    test('0 is a topic without an event', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      expect(await caller.publish(topic, { expected_last_sequence: 0 })).toMatchObject({ sequence_id: 1 });
      const error = await expectRefused(caller.publish(topic, { expected_last_sequence: 0 }), 'SEQUENCE_MISMATCH');
      expect(error.facts).toMatchObject({ last_sequence: '1' });
    });

    test('anything but the last sequence is ABORTED with the last sequence, and nothing is appended', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, topic, topic]);
      for (const expected of [0, 1, 2, 4, 2 ** 40]) {
        const publishing = caller.publish(topic, { expected_last_sequence: expected });
        expect((await expectRefused(publishing, 'SEQUENCE_MISMATCH')).facts).toMatchObject({ last_sequence: '3' });
      }
      const missing = caller.publish(ownName(), { expected_last_sequence: 1 });
      expect((await expectRefused(missing, 'SEQUENCE_MISMATCH')).facts).toMatchObject({ last_sequence: '0' });
      expect(await caller.publish(topic, { expected_last_sequence: 3 })).toMatchObject({ sequence_id: 4 });
    });

    test('of twenty who saw the same sequence one publishes', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, topic]);
      const publish = () => caller.publish(topic, { expected_last_sequence: 2 });
      const answers = await Promise.allSettled(Array.from({ length: 20 }, publish));
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.reason] : []));
      expect(refused).toEqual(Array.from({ length: 19 }, () => 'SEQUENCE_MISMATCH'));
      expect(await caller.topic(topic)).toMatchObject({ last_sequence: 3 });
    });

    test('events of other topics change nothing', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await caller.publishEach([`${root}:a`, `${root}:b`, `${root}:b`]);
      expect(await caller.publish(`${root}:a`, { expected_last_sequence: 1 })).toMatchObject({ sequence_id: 2 });
      expect(await caller.publish(`${root}:b`, { expected_last_sequence: 2 })).toMatchObject({ sequence_id: 3 });
    });

    test('without an expectation nothing is checked, also on a topic without an event', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      expect(await caller.publish(topic)).toMatchObject({ sequence_id: 1 });
      expect(await caller.publish(topic)).toMatchObject({ sequence_id: 2 });
    });

    test('the last sequence is known after a restart', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, topic]);
      await bus().restart();
      await expectRefused(caller.publish(topic, { expected_last_sequence: 1 }), 'SEQUENCE_MISMATCH');
      expect(await caller.publish(topic, { expected_last_sequence: 2 })).toMatchObject({ sequence_id: 3 });
    });
  });
}
