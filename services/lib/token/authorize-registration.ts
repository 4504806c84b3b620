/**
 * May this token put this server into Discovery? Every question in one place, because leaving one out lets a holder of
 * a small right take another server's callers: audience, reserved names, the name, and each declared capability.
 *
 * Who owns a name already is not asked here; the registry knows that.
 */
import { isReservedServerName, quote } from '#lib/capability/name.ts';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import { requiredToProvide } from '#lib/capability/required.ts';
import { ServiceError } from '#lib/errors.ts';
import { authorize, requireAnyOf, requireAudience, requireGrant } from './authorize.ts';
import type { VerifiedToken } from './verified-token.ts';

export interface Registration {
  /** The audience that the registry itself answers to, "RegistryServer" by default. */
  readonly registryName: string;
  readonly serverName: string;
  readonly capabilities: readonly string[];
  readonly profile: 'bearer' | 'strict';
}

/**
 * @returns the declared capabilities, compiled
 * @throws ServiceError AUDIENCE_MISMATCH, NAME_INVALID, NAME_RESERVED or CAPABILITY_DENIED
 */
export function authorizeRegistration(token: VerifiedToken, registration: Registration): readonly Pattern[] {
  const { registryName, serverName, capabilities, profile } = registration;
  requireAudience(token, registryName);
  authorize(token, { method: 'Discovery.Register', resource: serverName });
  if (isReservedServerName(serverName)) {
    throw new ServiceError('NAME_RESERVED', `the server name ${quote(serverName)} belongs to the control plane`);
  }
  return capabilities.map((text) => {
    const declared = compilePattern(text);
    if (declared === undefined) {
      throw new ServiceError('NAME_INVALID', `the declared capability ${quote(text)} is not a capability pattern`);
    }
    requireAnyOf(token, requiredToProvide(declared, { serverName, sub: token.sub, profile }));
    requireGrant(token, 'Discovery.Register', declared, undefined);
    return declared;
  });
}
