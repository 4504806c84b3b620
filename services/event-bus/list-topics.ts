/** ListTopics: the topics that match a filter, by name. Each page is authorized afresh, so a page token carries no right. */
import { createHash } from 'node:crypto';
import { isTopic } from '#lib/capability/name.ts';
import { compileFilter } from '#lib/capability/resource.ts';
import { ServiceError } from '#lib/errors.ts';
import type { ListTopicsRequest__Output } from '#protos/generated/mcp2/ListTopicsRequest.ts';
import type { ListTopicsResponse } from '#protos/generated/mcp2/ListTopicsResponse.ts';
import type { TopicInfo } from '#protos/generated/mcp2/TopicInfo.ts';
import { invalid } from './invalid.ts';
import type { EventLog, TopicState } from './log/event-log.ts';
import { requireFilterForm } from './subscribe/subscribe-form.ts';

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;
const HASH_CHARACTERS = 11;

/** @throws ServiceError FILTER_INVALID, TOPIC_RESERVED or ARGUMENT_INVALID */
export function requireListTopicsForm({ topic_filter: filter, page_size: size }: ListTopicsRequest__Output): void {
  requireFilterForm(filter);
  if (size > MAX_PAGE) throw invalid('page_size', `page_size is ${size}; at most ${MAX_PAGE}`);
}

export function createListTopics(log: EventLog) {
  return async function listTopics(request: ListTopicsRequest__Output): Promise<ListTopicsResponse> {
    const { topic_filter: filter, page_token: token, page_size: size } = request;
    const limit = size === 0 ? DEFAULT_PAGE : size;
    const after = readPageToken(filter, token);
    const states = await log.topics({ filter: compileFilter('topic filter', filter), after, limit });
    const last = states.length < limit ? undefined : states.at(-1);
    return {
      topics: states.map(toTopicInfo),
      next_page_token: last === undefined ? '' : makePageToken(filter, last.topic),
    };
  };
}

function toTopicInfo({ topic, firstSequence, lastSequence, events, bytes, lastPublishedAtMs }: TopicState): TopicInfo {
  const size = bytes === undefined ? {} : { bytes };
  return {
    topic,
    first_sequence: firstSequence,
    last_sequence: lastSequence,
    events,
    ...size,
    last_published_at_ms: lastPublishedAtMs,
  };
}

function makePageToken(filter: string, last: string): string {
  return `${hashOf(filter)}${Buffer.from(last).toString('base64url')}`;
}

/** @throws ServiceError PAGE_TOKEN_INVALID */
function readPageToken(filter: string, token: string): string {
  if (token === '') return '';
  const last = Buffer.from(token.slice(HASH_CHARACTERS), 'base64url').toString();
  if (token.startsWith(hashOf(filter)) && isTopic(last)) return last;
  throw new ServiceError('PAGE_TOKEN_INVALID', 'page_token is not one of this filter; begin again without it');
}

function hashOf(filter: string): string {
  return createHash('sha256').update(filter).digest('base64url').slice(0, HASH_CHARACTERS);
}
