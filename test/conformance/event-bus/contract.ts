/**
 * What the event bus promises on every log, as tests over gRPC; each log runs them all (`embedded.test.ts`). Written from
 * the specification: event_bus.proto and docs/event-bus.md.
 */
import { describe } from 'vitest';
import { describeAcks } from './acks.ts';
import type { BusUnderTest } from './bus-under-test.ts';
import { describeCompareAndPublish } from './compare-and-publish.ts';
import { describeControlFrames } from './control-frames.ts';
import { describeDedup } from './dedup.ts';
import { describeDurableLife } from './durable-life.ts';
import { describeDurables } from './durables.ts';
import { describeFilters, describeOracle } from './filters.ts';
import { describeLists } from './lists.ts';
import { describeOrder } from './order.ts';
import { describeOrderOfChecks } from './order-of-checks.ts';
import { describeParked } from './parked.ts';
import { describePositions } from './positions.ts';
import { describePublish } from './publish.ts';
import { describePublishStream } from './publish-stream.ts';
import { describeQuotas } from './quotas.ts';
import { describeReplay } from './replay.ts';
import { describeRestart } from './restart.ts';
import { describeRetention } from './retention.ts';
import { describeRights } from './rights.ts';
import { describeSchemas } from './schemas.ts';
import { describeSlowConsumer } from './slow-consumer.ts';
import { describeTokenEnd } from './token-end.ts';

export function describeEventBus(under: BusUnderTest): void {
  describe(`the event bus on the ${under.log} log`, () => {
    describeOracle();
    describePublish(under);
    describeOrderOfChecks(under);
    describeDedup(under);
    describeCompareAndPublish(under);
    describePublishStream(under);
    describeSchemas(under);
    describeQuotas(under);
    describeRights(under);
    describeFilters(under);
    describeOrder(under);
    describePositions(under);
    describeReplay(under);
    describeControlFrames(under);
    describeRetention(under);
    describeRestart(under);
    describeDurables(under);
    describeDurableLife(under);
    describeAcks(under);
    describeParked(under);
    describeLists(under);
    describeTokenEnd(under);
    describeSlowConsumer(under);
  });
}
