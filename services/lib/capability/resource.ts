/**
 * What the resource of each method is, and the check of a request's resource before any right is asked about.
 *
 * Only filters may hold wildcards in a request. A wildcard let through as a context key would be *contained* in a
 * right to a whole tree and then name nothing that exists.
 */
import { ServiceError } from '#lib/errors.ts';
import { isName, isServerName, isToolName, isTopic, quote } from './name.ts';
import { compilePattern, isTopicFilter, type Pattern } from './pattern.ts';

export const RESOURCE_KINDS = {
  'ContextTool.RequestContext': 'name',
  'ContextTool.UploadContext': 'name',
  'ContextTool.InvokeTool': 'tool',
  'ContextTool.SubscribeTelemetry': 'name',
  'ContextTool.PublishTelemetry': 'name',
  'ContextTool.MultiModalExchange': 'session kind',
  'EventBus.Publish': 'topic',
  'EventBus.Subscribe': 'topic filter',
  'EventBus.Ack': 'topic filter',
  'EventBus.DeleteSubscription': 'topic filter',
  'EventBus.ListTopics': 'topic filter',
  'EventBus.ListSubscriptions': 'topic filter',
  'Discovery.Register': 'server',
  'Discovery.Heartbeat': 'server',
  'Discovery.Deregister': 'server',
  'Discovery.Lookup': 'filter',
  'Discovery.Watch': 'filter',
  'Discovery.GetCard': 'filter',
  'ServiceInfo.GetCard': 'server',
  'TokenService.Revoke': 'name',
} as const;

/** `Service.Method` of every call that needs authority. */
export type Method = keyof typeof RESOURCE_KINDS;

const FILTER_RULE =
  'join segments of A-Z a-z 0-9 _ . @ = + ~ - by ":"; a whole segment may be "*", and nothing else is a wildcard';

export function isMethod(text: string): text is Method {
  return Object.hasOwn(RESOURCE_KINDS, text);
}

/**
 * A request's resource, checked and split once. A filter may come compiled already.
 *
 * @returns undefined for the empty session kind alone: that call has no resource.
 * @throws ServiceError FILTER_INVALID for a filter, NAME_INVALID for anything else.
 */
export function compileResource(method: Method, resource: Pattern | string): Pattern | undefined {
  const kind = RESOURCE_KINDS[method];
  const text = typeof resource === 'string' ? resource : resource.text;
  if (kind === 'session kind' && text === '') return undefined;
  if (kind === 'filter' || kind === 'topic filter') return compileFilter(kind, resource);
  if (!isLegal(kind, text)) {
    throw new ServiceError(
      'NAME_INVALID',
      `${method}: ${quote(text)} is not a legal ${kind === 'name' ? '' : kind} name`,
    );
  }
  return { text, atoms: text.split(':'), hasRest: false };
}

/** @throws ServiceError FILTER_INVALID */
export function compileFilter(kind: 'filter' | 'topic filter', filter: Pattern | string): Pattern {
  const pattern = typeof filter === 'string' ? compilePattern(filter) : filter;
  if (pattern !== undefined && (kind === 'filter' || isTopicFilter(pattern))) return pattern;
  const rule = kind === 'filter' ? FILTER_RULE : `${FILTER_RULE}; at most 12 segments`;
  const text = typeof filter === 'string' ? filter : filter.text;
  throw new ServiceError('FILTER_INVALID', `${kind} ${quote(text)} is not allowed: ${rule}`);
}

function isLegal(kind: 'name' | 'tool' | 'session kind' | 'topic' | 'server', text: string): boolean {
  if (kind === 'tool') return isToolName(text);
  if (kind === 'topic') return isTopic(text);
  return kind === 'server' ? isServerName(text) : isName(text);
}
