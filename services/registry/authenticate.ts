/** From a call to the verified token of whoever makes it; synchronous when the token was verified before. */
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { chooseCredential } from '#lib/token/credential.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { TokenVerifier } from '#lib/token/verify.ts';

/** The two fields of a request that carry authority. */
export interface Presented {
  readonly token: string;
  readonly proof: string;
}

export type Authenticate = (
  presented: Presented,
  call: Pick<CallContext, 'metadata' | 'subject'>,
) => VerifiedToken | Promise<VerifiedToken>;

/** The result throws or rejects with a ServiceError of the UNAUTHENTICATED reasons. */
export function createAuthenticate(verifier: TokenVerifier): Authenticate {
  return function authenticate({ token, proof }, call) {
    const text = chooseCredential({ field: token, proof, metadata: (key) => call.metadata.get(key) });
    const known = verifier.verifyCached(text);
    return known === undefined ? verifier.verify(text).then((fresh) => accept(fresh, call)) : accept(known, call);
  };
}

function accept(token: VerifiedToken, call: Pick<CallContext, 'subject'>): VerifiedToken {
  call.subject = token.sub;
  // Names are not kept apart by tenant yet; serving the token as if it had none would show one tenant the other's.
  if (token.tid !== undefined) throw new ServiceError('UNIMPLEMENTED', 'tokens of a tenant (tid) are not served yet');
  return token;
}
