/** The registry's own rules about who may call what, where a table of resources and rights does not say it. */
import type { OwnGuards } from '#lib/middleware/guard.ts';
import { authorizeLookup } from '#lib/token/authorize.ts';
import { authorizeRegistration } from '#lib/token/authorize-registration.ts';
import { REGISTRY_NAME } from '#lib/well-known.ts';
import type { Callers } from './caller.ts';
import { requireFewCapabilities } from './declaration.ts';
import { requireFewFilters } from './lookup-query.ts';

/** @param callers Shared with Lookup, which asks for the same filters again. */
export function createRegistryGuards(callers: Callers): OwnGuards {
  return {
    // RFC 7519's audience does not gate a search: it filters what is found.
    'Discovery.Lookup': (request, token) => {
      requireFewFilters(request);
      callers.of(token).mayLookUp(request.capability_filter);
    },
    'Discovery.Watch': (request, token) => {
      requireFewFilters(request);
      authorizeLookup(token, request.capability_filter, 'Discovery.Watch');
    },
    'Discovery.Register': (request, token) => {
      requireFewCapabilities(request);
      const { server_name: serverName, capabilities } = request;
      authorizeRegistration(token, { registryName: REGISTRY_NAME, serverName, capabilities, profile: 'bearer' });
    },
  };
}
