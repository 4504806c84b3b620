/**
 * The door of the sample: every call passes it, whatever it asks for. Token, audience, then the right to this very
 * method on this very resource with these parameters.
 */
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { Authenticate, CredentialFields } from '#lib/middleware/authenticate.ts';
import { authorize, type Call, requireAudience } from '#lib/token/authorize.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';

export interface AccessDependencies {
  /** The audience that tokens must name. */
  readonly serverName: string;
  readonly authenticate: Authenticate;
}

/** What one call asks for, and what answers it once it is allowed. */
export interface Admission<Response> {
  readonly presented: CredentialFields;
  readonly wanted: Call;
  readonly answer: (token: VerifiedToken) => Response;
}

export type Admit = <Response>(call: CallContext, admission: Admission<Response>) => Response | Promise<Response>;

/** The result throws or rejects with the ServiceError that says why the caller may not. */
export function createAdmit({ serverName, authenticate }: AccessDependencies): Admit {
  return function admit(call, { presented, wanted, answer }) {
    const token = authenticate(presented, call);
    return token instanceof Promise ? token.then(enter) : enter(token);

    function enter(verified: VerifiedToken) {
      requireAudience(verified, serverName);
      authorize(verified, wanted);
      return answer(verified);
    }
  };
}
