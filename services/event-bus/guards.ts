/** What decides who may call the bus where the table of methods leaves it to the service: subscriptions that it has stored. */
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type { ServiceError } from '#lib/errors.ts';
import type { FormChecks, StoredResources } from '#lib/middleware/guard.ts';
import { type Family, requireSomeRight } from '#lib/token/authorize.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { requireAckForm } from './ack.ts';
import type { CallerKeys } from './caller-key.ts';
import { unknownSubscription } from './durable/durable.ts';
import type { Durables } from './durable/durables.ts';
import { PARKED_TOPIC } from './envelope.ts';
import { requireListTopicsForm } from './list-topics.ts';
import { requirePublishForm } from './publish/publish-form.ts';
import { isParkedFilter, requireDurableName, requireSubscribeForm } from './subscribe/subscribe-form.ts';

export const FORMS: FormChecks = Object.freeze({
  'EventBus.Publish': requirePublishForm,
  'EventBus.PublishStream': requirePublishForm,
  'EventBus.Subscribe': requireSubscribeForm,
  'EventBus.Ack': requireAckForm,
  'EventBus.DeleteSubscription': ({ durable_name: name }) => requireDurableName(name),
  'EventBus.ListTopics': requireListTopicsForm,
} satisfies FormChecks);

export interface GuardParts {
  readonly durables: Durables;
  readonly callers: CallerKeys;
}

/** The filter of a stored subscription is what its calls are about. */
export function createBusGuards({ durables, callers }: GuardParts): StoredResources {
  const filterOf = async (name: string, token: VerifiedToken) => {
    const durable = await durables.find({ owner: callers.of(token), name });
    return durable?.record.filter;
  };
  return {
    'EventBus.Subscribe': async ({ topic_filter: filter }, token) => {
      if (!isParkedFilter(filter)) return filter;
      const name = filter.slice(PARKED_TOPIC.length + 1);
      return (await filterOf(name, token)) ?? requireAnySubscribe(token, unknownSubscription(name));
    },
    'EventBus.Ack': async ({ durable_name: name }, token) =>
      (await filterOf(name, token)) ?? requireAnySubscribe(token, unknownSubscription(name)),
    'EventBus.DeleteSubscription': async ({ durable_name: name }, token) =>
      (await filterOf(name, token)) ?? requireAnySubscribe(token, undefined),
    'EventBus.ListSubscriptions': (_request, token) => requireAnySubscribe(token, undefined),
  };
}

const ANY_SUBSCRIBE: Family = Object.freeze({
  pattern: compilePattern('event:subscribe:*') as Pattern,
  methods: ['EventBus.Subscribe', 'EventBus.Ack', 'EventBus.DeleteSubscription', 'EventBus.ListSubscriptions'] as const,
});

/**
 * Who may subscribe to nothing is not told what exists.
 *
 * @param absent What is thrown for those who may.
 * @throws ServiceError CAPABILITY_DENIED
 */
function requireAnySubscribe(token: VerifiedToken, absent: ServiceError | undefined): undefined {
  requireSomeRight(token, ANY_SUBSCRIBE);
  if (absent !== undefined) throw absent;
  return undefined;
}
