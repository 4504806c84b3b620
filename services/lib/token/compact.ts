/**
 * The strict compact form of a token, checked before any key is touched (RFC 7515 Section 3.1).
 *
 * A JWT library accepts more: padding, spaces, a base64url tail with stray bits, headers that name their own key. Each
 * of these gives one signature a second text, or lets the caller choose the key. What passes here has one spelling,
 * apart from the signature's own malleability, which is why no cache may treat the text as the token's identity.
 */
import { ServiceError } from '#lib/errors.ts';
import { parseStrictJson, StrictJsonError } from '#lib/strict-json.ts';

export const MAX_TOKEN_BYTES = 4096;

export interface CompactToken {
  readonly alg: string;
  readonly typ: string | undefined;
  readonly kid: string | undefined;
  /** Not yet authentic: only good for choosing the issuer whose keys are asked. */
  readonly payload: Readonly<Record<string, unknown>>;
}

const COMPACT_FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** Everything else is refused, above all jwk, jku, x5u, x5c (the caller's own key), crit, b64, zip and cty. */
const HEADER_MEMBERS: readonly string[] = ['alg', 'typ', 'kid'];

/** @throws ServiceError TOKEN_MALFORMED, or PROOF_UNSUPPORTED for a chain of tokens. */
export function parseCompact(token: string): CompactToken {
  requireCompactForm(token);
  const [header = '', payload = '', signature = ''] = token.split('.');
  if (decode(signature, 'signature').length === 0) throw malformed('the token has no signature');
  const members = decodeObject(header, 'header');
  if (!Object.keys(members).every((name) => HEADER_MEMBERS.includes(name))) {
    throw malformed('the token header may hold alg, typ and kid and nothing else');
  }
  const { alg, typ, kid } = members;
  if (typeof alg !== 'string') throw malformed('the token header has no alg');
  if ((typ !== undefined && typeof typ !== 'string') || (kid !== undefined && typeof kid !== 'string')) {
    throw malformed('typ and kid of the token header must be strings');
  }
  return { alg, typ, kid, payload: decodeObject(payload, 'payload') };
}

/** The cheap part of the check, made before the text is even hashed. */
export function requireCompactForm(token: string): void {
  if (token.includes('~')) {
    throw new ServiceError(
      'PROOF_UNSUPPORTED',
      'delegation chains are not supported by this server; send a root token',
    );
  }
  if (token.length > MAX_TOKEN_BYTES) {
    throw malformed(`the token is longer than ${MAX_TOKEN_BYTES} bytes; ask for fewer or wider capabilities`);
  }
  if (!COMPACT_FORM.test(token)) {
    throw malformed('the token is not a compact JWS: three base64url parts joined by ".", without padding or spaces');
  }
}

function decodeObject(part: string, what: string): Readonly<Record<string, unknown>> {
  const bytes = decode(part, what);
  let value: unknown;
  try {
    value = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    const problem = error instanceof StrictJsonError ? error.message : 'is not UTF-8';
    throw malformed(`the token ${what} ${problem}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(`the token ${what} is not a JSON object`);
}

/** RFC 4648 Section 3.5: stray bits after the last byte would give the same bytes a second text. */
function decode(part: string, what: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw malformed(`the token ${what} is not canonical base64url`);
  return bytes;
}

function malformed(message: string): ServiceError {
  return new ServiceError('TOKEN_MALFORMED', message);
}
