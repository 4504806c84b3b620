/** Ack: settles deliveries of a durable subscription, whether its stream is open here or not. */
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { EventAckRequest__Output } from '#protos/generated/mcp2/EventAckRequest.ts';
import type { EventAckResponse } from '#protos/generated/mcp2/EventAckResponse.ts';
import type { AckIds, Delivery } from './ack-id.ts';
import type { CallerKeys } from './caller-key.ts';
import type { Durable } from './durable/durable.ts';
import { unknownSubscription } from './durable/durable.ts';
import type { Durables } from './durable/durables.ts';
import { invalid } from './invalid.ts';
import type { EventBusMetrics } from './metrics.ts';
import { requireDurableName } from './subscribe/subscribe-form.ts';

const MAX_IDS = 1_024;
const MAX_NACK_DELAY_MS = 24 * 3_600_000;

export interface AckOptions {
  readonly durables: Durables;
  readonly callers: CallerKeys;
  readonly ackIds: AckIds;
  readonly counts: Pick<EventBusMetrics, 'parked'>;
}

/** @throws ServiceError NAME_INVALID or ARGUMENT_INVALID */
export function requireAckForm(request: EventAckRequest__Output): void {
  const { durable_name: name, ack_ids: acks, nack_ids: nacks, term_ids: terms, nack_delay_ms: delayMs } = request;
  requireDurableName(name);
  const ids = acks.length + nacks.length + terms.length;
  if (ids > MAX_IDS) throw invalid('ack_ids', `the three lists have ${ids} ids together; at most ${MAX_IDS}`);
  if (delayMs > MAX_NACK_DELAY_MS)
    throw invalid('nack_delay_ms', `nack_delay_ms is ${delayMs}; at most ${MAX_NACK_DELAY_MS}`);
}

export function createAck({ durables, callers, ackIds, counts }: AckOptions) {
  return async function ack(request: EventAckRequest__Output, call: CallContext): Promise<EventAckResponse> {
    const key = { owner: callers.of(call.requireCaller()), name: request.durable_name };
    const durable = await durables.find(key);
    if (durable === undefined) throw unknownSubscription(key.name);
    const unknown: string[] = [];
    const settle = (ids: readonly string[], act: (durable: Durable, delivery: Delivery) => void) => {
      for (const id of ids) {
        const delivery = durable.record.explicitAck ? ackIds.read(durable.record.id, id) : undefined;
        if (delivery === undefined) unknown.push(id);
        else act(durable, delivery);
      }
    };
    settle(request.ack_ids, (one, { offset }) => one.settle(offset));
    settle(request.nack_ids, (one, { offset, attempt }) => one.nack(offset, attempt, request.nack_delay_ms));
    settle(request.term_ids, (one, { offset, attempt }) => {
      if (one.park(offset, attempt, 'term')) counts.parked('term');
    });
    const accepted = request.ack_ids.length + request.nack_ids.length + request.term_ids.length - unknown.length;
    if (accepted > 0) await durable.flush();
    durable.holder?.wake();
    return { accepted, unknown_ids: unknown };
  };
}
