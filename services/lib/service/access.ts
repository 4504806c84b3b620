/** Who calls, as a service's guards and handlers ask: one object, made once from the settings. */
import type { TrustSettings } from '../config/common-settings.ts';
import {
  type Authenticate,
  createAuthenticate,
  createReauthenticate,
  type Reauthenticate,
} from '../middleware/authenticate.ts';
import { createTrustedVerifier, type VerifierDependencies } from '../middleware/trusted-issuer.ts';
import { noRevocations, type Revocations } from '../token/revocations.ts';
import type { TokenVerifier } from '../token/verify.ts';

export interface Access {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly authenticate: Authenticate;
  readonly reauthenticate: Reauthenticate;
}

/** @throws ConfigError for a key file that cannot be read. */
export async function createAccess(
  trust: TrustSettings,
  { clock, log }: Omit<VerifierDependencies, 'revocations'>,
): Promise<Access> {
  const revocations = noRevocations;
  const verifier = await createTrustedVerifier(trust, { clock, log, revocations });
  return {
    verifier,
    revocations,
    authenticate: createAuthenticate(verifier),
    reauthenticate: createReauthenticate(verifier),
  };
}
