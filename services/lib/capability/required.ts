/**
 * From a request to the authority it needs: each method and resource maps to an any-of list of capabilities.
 *
 * A required capability must be *contained* in a held one. Where the request is itself a pattern (the filters of
 * Subscribe and Lookup), overlap is not enough: a subscriber to "inventory:*" may see every inventory topic.
 */
import { ONE, type Pattern, prefixed } from './pattern.ts';
import type { Method } from './resource.ts';

export interface Registrant {
  readonly serverName: string;
  /** Subject of the root token. */
  readonly sub: string;
  /** `bearer` lets the bare `registry:register` of the proposal's clients declare capabilities. */
  readonly profile: 'bearer' | 'strict';
}

const TELEMETRY_READ = pattern('telemetry', 'read');
const MULTIMODAL_EXCHANGE = pattern('tool', 'multimodal_exchange');
const REGISTER = pattern('registry', 'register');
const LOOKUP = pattern('registry', 'lookup');

/**
 * Any one of these, contained in one held capability, is enough. The resource may be a pattern for every method, so
 * that a grant can be compared with capabilities; it is undefined for a multimodal session of no kind.
 *
 * ServiceInfo.GetCard is the one method that needs any capability at all, and so has an empty list here.
 */
export function requiredCapabilities(method: Method, resource: Pattern | undefined, sub: string): readonly Pattern[] {
  if (method === 'ContextTool.MultiModalExchange') {
    return resource ? [MULTIMODAL_EXCHANGE, under(MULTIMODAL_EXCHANGE, resource)] : [MULTIMODAL_EXCHANGE];
  }
  if (resource === undefined) return [];
  switch (method) {
    case 'ContextTool.RequestContext':
      return [databaseCapability(resource, 'read'), prefixed(['context', 'read'], resource)];
    case 'ContextTool.UploadContext':
      return [databaseCapability(resource, 'write'), prefixed(['context', 'write'], resource)];
    case 'ContextTool.InvokeTool':
      return [prefixed(['tool'], resource)];
    case 'ContextTool.SubscribeTelemetry':
      return [TELEMETRY_READ, under(TELEMETRY_READ, resource)];
    case 'ContextTool.PublishTelemetry':
      return [prefixed(['telemetry', 'write'], resource)];
    case 'EventBus.Publish':
      return [prefixed(['event', 'publish'], resource)];
    case 'EventBus.Subscribe':
    case 'EventBus.Ack':
    case 'EventBus.DeleteSubscription':
    case 'EventBus.ListTopics':
    case 'EventBus.ListSubscriptions':
      return [prefixed(['event', 'subscribe'], resource)];
    case 'Discovery.Register':
    case 'Discovery.Heartbeat':
    case 'Discovery.Deregister':
      return resource.text === sub ? [under(REGISTER, resource), REGISTER] : [under(REGISTER, resource)];
    case 'Discovery.Lookup':
    case 'Discovery.Watch':
    case 'Discovery.GetCard':
      // The right to use implies the right to find: the filter itself is one of the alternatives.
      return [resource, LOOKUP, under(LOOKUP, resource)];
    case 'ServiceInfo.GetCard':
      return [];
    case 'TokenService.Revoke':
      return [prefixed(['token', 'revoke'], resource)];
  }
}

/**
 * Any one of these is enough to declare the capability in a Register. A bare `registry:register` speaks for the
 * registrant's own name alone, and never for a capability as wide as "*" or "db:*": whoever declares one is found by
 * every agent that looks for something else.
 */
export function requiredToProvide(declared: Pattern, registrant: Registrant): readonly Pattern[] {
  const provide = prefixed(['registry', 'provide'], declared);
  const [first = ONE, second = ONE] = declared.atoms;
  const isSpecific = first !== ONE && second !== ONE;
  const mayUseBareForm = registrant.profile === 'bearer' && registrant.serverName === registrant.sub;
  return mayUseBareForm && isSpecific ? [provide, REGISTER] : [provide];
}

/** `db:<first segment>:<verb>`; a resource that begins with a wildcard needs the verb on every database. */
function databaseCapability(resource: Pattern, verb: 'read' | 'write'): Pattern {
  return pattern('db', resource.atoms[0] ?? ONE, verb);
}

function under(base: Pattern, resource: Pattern): Pattern {
  return prefixed(base.atoms, resource);
}

function pattern(...atoms: readonly string[]): Pattern {
  return { text: atoms.join(':'), atoms, hasRest: false };
}
