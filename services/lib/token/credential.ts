/**
 * Which of the places where a call may carry its token is meant: the request's own field, or metadata.
 *
 * Two different tokens are an error, never "the first one that verifies": whoever can add a header in between would
 * otherwise choose whose rights a call uses.
 */
import { ServiceError } from '#lib/errors.ts';

export interface Presented {
  /** The token field of the request; '' is an absent field, as protobuf has it. */
  readonly field: string | undefined;
  /** The request's `agent_delegation_proof`. */
  readonly proof?: string | undefined;
  /** All values of a metadata key, given in lower case. Binary values are no tokens. */
  readonly metadata: (key: string) => readonly (string | Uint8Array)[];
}

/** The proposal's clients send `capability_token` and `registration_token`. */
const TOKEN_KEYS = ['capability_token', 'registration_token'];
/** RFC 9110 Section 11.1: the scheme is case-insensitive. Other schemes are somebody else's business. */
const BEARER = /^bearer +(.*[^ ]) *$/i;

/** @throws ServiceError CREDENTIAL_MISSING, CREDENTIAL_CONFLICT, or PROOF_UNSUPPORTED for any delegation proof */
export function chooseCredential({ field, proof, metadata }: Presented): string {
  if (proof !== undefined && proof !== '') {
    throw new ServiceError(
      'PROOF_UNSUPPORTED',
      'agent_delegation_proof is not supported by this server; leave it empty',
    );
  }
  let token = field ?? '';
  for (const key of TOKEN_KEYS) {
    for (const value of metadata(key)) token = agree(token, typeof value === 'string' ? value : '');
  }
  for (const value of metadata('authorization')) token = agree(token, bearerTokenOf(value));
  if (token !== '') return token;
  throw new ServiceError(
    'CREDENTIAL_MISSING',
    'no token: set the token field of the request, or the metadata "authorization: Bearer <token>"',
  );
}

/** Whether metadata alone may decide about the token of a call. */
export function carriesCredential(metadata: Readonly<Record<string, unknown>>): boolean {
  const { authorization, capability_token, registration_token } = metadata;
  return authorization !== undefined || capability_token !== undefined || registration_token !== undefined;
}

/** "" is no token. */
function agree(token: string, other: string): string {
  if (other === '' || other === token) return token;
  if (token === '') return other;
  throw new ServiceError(
    'CREDENTIAL_CONFLICT',
    'the call carries different tokens in its field and metadata; send one',
  );
}

function bearerTokenOf(value: string | Uint8Array): string {
  return (typeof value === 'string' && BEARER.exec(value)?.[1]) || '';
}
