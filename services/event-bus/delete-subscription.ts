/** DeleteSubscription: a durable subscription of the caller, with what it has parked. */
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { DeleteSubscriptionRequest__Output } from '#protos/generated/mcp2/DeleteSubscriptionRequest.ts';
import type { DeleteSubscriptionResponse } from '#protos/generated/mcp2/DeleteSubscriptionResponse.ts';
import type { CallerKeys } from './caller-key.ts';
import type { Durables } from './durable/durables.ts';

export function createDeleteSubscription({ durables, callers }: { durables: Durables; callers: CallerKeys }) {
  return async function deleteSubscription(
    { durable_name: name }: DeleteSubscriptionRequest__Output,
    call: CallContext,
  ): Promise<DeleteSubscriptionResponse> {
    return { existed: await durables.delete({ owner: callers.of(call.requireCaller()), name }) };
  };
}
