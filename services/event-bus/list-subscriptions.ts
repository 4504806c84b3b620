/** ListSubscriptions: the caller's own durable subscriptions. */
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { ListSubscriptionsRequest__Output } from '#protos/generated/mcp2/ListSubscriptionsRequest.ts';
import type { ListSubscriptionsResponse } from '#protos/generated/mcp2/ListSubscriptionsResponse.ts';
import type { CallerKeys } from './caller-key.ts';
import type { Durables } from './durable/durables.ts';
import type { EventLog } from './log/event-log.ts';

export interface ListSubscriptionsOptions {
  readonly log: EventLog;
  readonly durables: Durables;
  readonly callers: CallerKeys;
}

export function createListSubscriptions({ log, durables, callers }: ListSubscriptionsOptions) {
  return async function listSubscriptions(
    _request: ListSubscriptionsRequest__Output,
    call: CallContext,
  ): Promise<ListSubscriptionsResponse> {
    const owner = callers.of(call.requireCaller());
    await durables.flush(owner);
    const summaries = await log.durables.list(owner);
    const subscriptions = summaries.map((one) => ({
      durable_name: one.name,
      topic_filter: one.filter,
      pending: one.pending,
      in_flight: one.inFlight,
      parked: one.parked,
      active: durables.isActive(one),
      last_used_ms: one.lastUsedMs,
    }));
    return { subscriptions };
  };
}
