/**
 * The claims of a root token: their types and limits, checked by hand so that each refusal says exactly what is wrong.
 *
 * Nothing here looks at the clock: what depends on time is asked again on every call (`validity.ts`). Unknown claims
 * are ignored, except `cnf` and `dlg`, which promise a proof that this version cannot check.
 */
import { MAX_AUDIENCES } from '#lib/capability/audience.ts';
import { MAX_CAPABILITIES } from '#lib/capability/capability.ts';
import { MAX_GRANTS } from '#lib/capability/grant.ts';
import { isSegment } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';

export interface RootClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since the Unix epoch, as RFC 7519 counts them; iat and nbf too. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number | undefined;
  readonly jti: string;
  /** Tenant; undefined is the default tenant. */
  readonly tid: string | undefined;
  readonly txn: string | undefined;
  readonly capabilities: readonly string[] | undefined;
  readonly grants: readonly unknown[] | undefined;
}

type Payload = Readonly<Record<string, unknown>>;

/** One hour: a revocation list is then never longer than an hour's worth, and a lost key never useful for longer. */
export const MAX_LIFETIME_SECONDS = 3600;
/** 16 random bytes in base64url. */
export const MIN_JTI_CHARACTERS = 22;

const MAX_TEXT_CHARACTERS = 256;
const JTI = /^[\x21-\x7e]{22,256}$/;
/** Ends in logs, in statuses and on terminals: nothing that cannot be seen, or that makes two subjects look like one. */
const SUBJECT = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,128}$/u;

/** @throws ServiceError TOKEN_MALFORMED, or PROOF_UNSUPPORTED for a token that is bound to a key or delegable. */
export function parseRootClaims(payload: Payload): RootClaims {
  const iss = requireText(payload, 'iss');
  const jti = payload.jti;
  if (typeof jti !== 'string' || !JTI.test(jti)) {
    throw malformed(`jti must be a string of ${MIN_JTI_CHARACTERS} to 256 visible ASCII characters (16 random bytes)`);
  }
  return parseCommonClaims(payload, { iss, jti });
}

/** What a token of the proposal's reference client shares with a root token. `identity` stands in for iss and jti. */
export function parseCommonClaims(payload: Payload, identity: Pick<RootClaims, 'iss' | 'jti'>): RootClaims {
  refuseProofClaims(payload);
  const { sub } = payload;
  if (typeof sub !== 'string' || !SUBJECT.test(sub)) {
    throw malformed('sub must be a string of 1 to 128 visible characters');
  }
  const claims = {
    ...identity,
    sub,
    aud: parseAudience(payload.aud),
    ...parseTimes(payload),
    tid: optionalText(payload, 'tid'),
    txn: optionalText(payload, 'txn'),
    capabilities: parseCapabilities(payload),
    grants: parseGrants(payload),
  };
  if (claims.tid !== undefined && !isSegment(claims.tid)) throw malformed('tid must be one segment of a name');
  if (claims.capabilities === undefined && claims.grants === undefined) {
    throw malformed('the token must have capabilities or grants');
  }
  requireObjectIfPresent(payload, 'act');
  requireObjectIfPresent(payload, 'may_act');
  return claims;
}

/** A bound or delegable token treated as a plain bearer token would lose the very restriction it was made for. */
function refuseProofClaims(payload: Payload): void {
  for (const name of ['cnf', 'dlg']) {
    if (!Object.hasOwn(payload, name)) continue;
    throw new ServiceError('PROOF_UNSUPPORTED', `the token has ${name}, and this server cannot check proofs yet`);
  }
}

function parseTimes(payload: Payload): Pick<RootClaims, 'exp' | 'iat' | 'nbf'> {
  const exp = requireSeconds(payload, 'exp');
  const iat = requireSeconds(payload, 'iat');
  const nbf = payload.nbf === undefined ? undefined : requireSeconds(payload, 'nbf');
  if (exp <= iat) throw malformed('exp must be after iat');
  if (exp - iat > MAX_LIFETIME_SECONDS) throw malformed(`exp must be at most ${MAX_LIFETIME_SECONDS} s after iat`);
  return { exp, iat, nbf };
}

/** `isSafeInteger` also refuses 1e400, which `JSON.parse` reads as Infinity: a token that never expires. */
function requireSeconds(payload: Payload, name: string): number {
  const value = payload[name];
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw malformed(`${name} must be a whole number of seconds since 1970 (RFC 7519 Section 2, NumericDate)`);
}

function parseAudience(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const audience = list.filter((entry) => typeof entry === 'string');
  if (list.length > 0 && list.length <= MAX_AUDIENCES && audience.length === list.length) return audience;
  throw malformed(`aud must be a server name or a list of 1 to ${MAX_AUDIENCES}`);
}

function parseCapabilities({ capabilities }: Payload): readonly string[] | undefined {
  if (capabilities === undefined) return undefined;
  if (!Array.isArray(capabilities) || !capabilities.every((entry) => typeof entry === 'string')) {
    throw malformed('capabilities must be a list of strings');
  }
  if (capabilities.length > MAX_CAPABILITIES) throw malformed(`at most ${MAX_CAPABILITIES} capabilities in one token`);
  return capabilities;
}

/** Only the list itself: an entry that does not parse is void, and the section then covers less. */
function parseGrants({ grants }: Payload): readonly unknown[] | undefined {
  if (grants === undefined) return undefined;
  if (!Array.isArray(grants)) throw malformed('grants must be a list');
  if (grants.length > MAX_GRANTS) throw malformed(`at most ${MAX_GRANTS} grants in one token`);
  return grants;
}

function requireText(payload: Payload, name: string): string {
  const text = optionalText(payload, name);
  if (text === undefined) throw malformed(`the token has no ${name}`);
  return text;
}

function optionalText(payload: Payload, name: string): string | undefined {
  const value = payload[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_CHARACTERS) return value;
  throw malformed(`${name} must be a string of 1 to ${MAX_TEXT_CHARACTERS} characters`);
}

function requireObjectIfPresent(payload: Payload, name: string): void {
  const value = payload[name];
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) return;
  throw malformed(`${name} must be an object (RFC 8693 Section 4.1)`);
}

function malformed(message: string): ServiceError {
  return new ServiceError('TOKEN_MALFORMED', message);
}
