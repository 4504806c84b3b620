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
  const tokens = new Set<string>();
  if (field !== undefined && field !== '') tokens.add(field);
  for (const key of TOKEN_KEYS) {
    for (const value of metadata(key)) if (typeof value === 'string' && value !== '') tokens.add(value);
  }
  for (const value of metadata('authorization')) {
    const token = typeof value === 'string' ? BEARER.exec(value)?.[1] : undefined;
    if (token !== undefined) tokens.add(token);
  }
  const [token, ...others] = tokens;
  if (token === undefined) {
    throw new ServiceError(
      'CREDENTIAL_MISSING',
      'no token: set the token field of the request, or the metadata "authorization: Bearer <token>"',
    );
  }
  if (others.length === 0) return token;
  throw new ServiceError(
    'CREDENTIAL_CONFLICT',
    'the call carries different tokens in its field and metadata; send one',
  );
}
