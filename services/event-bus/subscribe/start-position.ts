/** From the start fields of a Subscribe to a place in the log. */
import type { Pattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';
import { decodeCursor } from '../cursor.ts';
import type { DurableBegin } from '../durable/durables.ts';
import type { EventLog, Offset, Start } from '../log/event-log.ts';

/**
 * @returns the offset after which to read; for START_POLICY_LAST_PER_TOPIC that of the second phase
 * @throws ServiceError BEFORE_RETENTION, START_IN_FUTURE, LOG_EPOCH
 */
export async function locateStart(
  log: EventLog,
  request: EventSubscribeRequest__Output,
  filter: Pattern,
): Promise<Offset> {
  return log.locate(toStart(log, request), filter);
}

/** More topics than this are not owed to a durable subscription one by one. */
const MAX_BACKLOG = 10_000;

/** @throws ServiceError as `locateStart`, and LIMIT_EXCEEDED for the last events of too many topics */
export async function beginDurable(
  log: EventLog,
  request: EventSubscribeRequest__Output,
  filter: Pattern,
): Promise<DurableBegin> {
  const position = await locateStart(log, request, filter);
  const backlog: Offset[] = [];
  if (request.start !== StartPolicy.START_POLICY_LAST_PER_TOPIC) return { position, backlog };
  for (let after = 0; after < position; ) {
    const page = await log.readLastPerTopic({ filter, after, upTo: position, maxEvents: 256, maxBytes: 1024 * 1024 });
    backlog.push(...page.events.map(({ offset }) => offset));
    after = page.upTo;
    if (backlog.length <= MAX_BACKLOG) continue;
    const message = `the filter matches more than ${MAX_BACKLOG} topics; begin a durable subscription on fewer, or from the earliest event`;
    throw new ServiceError('LIMIT_EXCEEDED', message);
  }
  return { position, backlog };
}

function toStart({ epoch }: EventLog, request: EventSubscribeRequest__Output): Start {
  switch (request.start) {
    case StartPolicy.START_POLICY_EARLIEST:
      return { kind: 'earliest' };
    case StartPolicy.START_POLICY_SEQUENCE:
      return { kind: 'sequence', topic: request.topic_filter, sequence: request.start_sequence };
    case StartPolicy.START_POLICY_CURSOR:
      return { kind: 'offset', after: decodeCursor(epoch, request.start_cursor) };
    case StartPolicy.START_POLICY_TIME:
      return { kind: 'time', ms: request.start_time_ms };
    default:
      return { kind: 'new' };
  }
}
