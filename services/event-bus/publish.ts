/** Publish: one event. */
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventPublishResponse } from '#protos/generated/mcp2/EventPublishResponse.ts';
import type { Publishing } from './publish/publishing.ts';

export function createPublish(publishing: Publishing) {
  return function publish(request: EventPublishRequest__Output, call: CallContext): Promise<EventPublishResponse> {
    return publishing.publish(request, call.requireCaller());
  };
}
