/** From a call to the verified token of whoever makes it; synchronous when the token was verified before. */
import { ServiceError } from '../errors.ts';
import type { CallContext } from '../grpc/call-context.ts';
import { carriesCredential, chooseCredential } from '../token/credential.ts';
import type { VerifiedToken } from '../token/verified-token.ts';
import type { TokenVerifier } from '../token/verify.ts';

/** The two fields of a request that carry authority. */
export interface CredentialFields {
  readonly token: string;
  readonly proof: string;
}

type AuthenticatedCall = Pick<CallContext, 'metadataEntries' | 'caller'>;

export type Authenticate = (
  presented: CredentialFields,
  call: AuthenticatedCall,
) => VerifiedToken | Promise<VerifiedToken>;

/** The result throws or rejects with a ServiceError of the UNAUTHENTICATED reasons. */
export function createAuthenticate(verifier: TokenVerifier): Authenticate {
  return function authenticate({ token, proof }, call) {
    const { metadataEntries } = call;
    const text = chooseCredential({ field: token, proof, metadata: (key) => metadataEntries[key] ?? [] });
    const known = verifier.verifyCached(text);
    return known === undefined ? verifier.verify(text).then((fresh) => accept(fresh, call)) : accept(known, call);
  };
}

/**
 * Whether a request that was authenticated before, byte for byte, is again; false when `authenticate` has to look at it.
 *
 * @throws ServiceError TOKEN_EXPIRED, TOKEN_REVOKED or TOKEN_NOT_YET_VALID
 */
export type Reauthenticate = (token: VerifiedToken, call: AuthenticatedCall) => boolean;

export function createReauthenticate(verifier: TokenVerifier): Reauthenticate {
  return function reauthenticate(token, call) {
    if (carriesCredential(call.metadataEntries) || !verifier.holds(token)) return false;
    call.caller = token;
    return true;
  };
}

function accept(token: VerifiedToken, call: Pick<CallContext, 'caller'>): VerifiedToken {
  call.caller = token;
  // Names are not kept apart by tenant yet; serving the token as if it had none would show one tenant the other's.
  if (token.tid !== undefined) throw new ServiceError('UNIMPLEMENTED', 'tokens of a tenant (tid) are not served yet');
  return token;
}
