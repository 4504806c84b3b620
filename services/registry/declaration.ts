/**
 * What a Register request declares, checked field by field. Rights are not asked here.
 *
 * What cannot be kept is refused, never ignored: a card that was dropped in silence would look registered.
 */
import semver from 'semver';
import { quote } from '#lib/capability/name.ts';
import { compilePattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import { DEFAULT_WEIGHT, type Visibility } from '#lib/store/servers.ts';
import type { Acl__Output } from '#protos/generated/mcp2/Acl.ts';
import type { RegisterRequest__Output } from '#protos/generated/mcp2/RegisterRequest.ts';
import { checkEndpoint, type EndpointPolicy } from './endpoint-guard.ts';
import { MAX_VERSION_CHARACTERS } from './lookup-query.ts';
import { checkTags } from './tags.ts';

export const MAX_DECLARED_CAPABILITIES = 64;
export const MAX_VISIBLE_TO = 256;
export const MAX_REQUIRED_CAPABILITIES = 64;
export const MIN_TTL_SECONDS = 10;
export const MAX_TTL_SECONDS = 300;
export const MAX_WEIGHT = 10_000;

export interface Declaration {
  /** host:port. */
  readonly url: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly version: string;
  readonly visibility: Visibility;
  readonly weight: number;
  readonly ttlSeconds: number;
}

export interface DeclarationRules {
  readonly endpoints: EndpointPolicy;
  readonly defaultTtlSeconds: number;
}

/** `metadataUrls` are the values of the metadata key `grpc-url`, which the proposal's clients send. */
export function readDeclaration(
  request: RegisterRequest__Output,
  metadataUrls: readonly string[],
  rules: DeclarationRules,
): Declaration {
  refuseCard(request);
  return {
    url: checkEndpoint(chooseUrl(request.grpc_url, metadataUrls), rules.endpoints),
    tags: Object.fromEntries(checkTags(request.tags, 'tags')),
    version: readVersion(request.version),
    visibility: readVisibility(request.acl),
    weight: readWeight(request.weight),
    ttlSeconds: readTtl(request.ttl_seconds, rules.defaultTtlSeconds),
  };
}

/** Before each capability is looked at. @throws ServiceError LIMIT_EXCEEDED */
export function requireFewCapabilities({ capabilities }: RegisterRequest__Output): void {
  requireAtMost(MAX_DECLARED_CAPABILITIES, capabilities, 'capabilities');
}

function chooseUrl(field: string, metadataUrls: readonly string[]): string {
  const urls = new Set([field, ...metadataUrls].filter((url) => url !== ''));
  if (urls.size <= 1) return [...urls][0] ?? '';
  const message = 'the call carries different addresses in grpc_url and metadata grpc-url; send one';
  throw new ServiceError('ENDPOINT_INVALID', message);
}

function refuseCard({ card, public_jwk: jwk }: RegisterRequest__Output): void {
  if (jwk !== '') throw new ServiceError('ARGUMENT_INVALID', 'servers cannot register a key yet; leave public_jwk out');
  if (card === null || (card.card_json.length === 0 && card.jws === '')) return;
  throw new ServiceError('ARGUMENT_INVALID', 'service cards cannot be registered yet; leave card out');
}

function readVersion(version: string): string {
  if (version === '') return version;
  if (version.length <= MAX_VERSION_CHARACTERS && semver.valid(version) !== null) return version;
  const rule = `a semantic version of at most ${MAX_VERSION_CHARACTERS} characters, for example 1.4.0`;
  throw new ServiceError('ARGUMENT_INVALID', `version ${quote(version)} is not allowed: write ${rule}`);
}

function readVisibility(acl: Acl__Output | null): Visibility {
  const { visible_to: visibleTo = [], required_capabilities: requiredCapabilities = [] } = acl ?? {};
  requireAtMost(MAX_VISIBLE_TO, visibleTo, 'acl.visible_to');
  requireAtMost(MAX_REQUIRED_CAPABILITIES, requiredCapabilities, 'acl.required_capabilities');
  const stranger = visibleTo.find((entry) => !VIEWER.test(entry));
  if (stranger !== undefined) {
    const rule = 'use a subject, or "<namespace>.*" for all of a namespace; "*" means nothing else';
    throw new ServiceError('ARGUMENT_INVALID', `acl.visible_to has ${quote(stranger)}: ${rule}`);
  }
  const misspelt = requiredCapabilities.find((capability) => compilePattern(capability) === undefined);
  if (misspelt !== undefined) {
    const message = `acl.required_capabilities has ${quote(misspelt)}, which is no capability: nobody could hold it`;
    throw new ServiceError('ARGUMENT_INVALID', message);
  }
  return { visibleTo, requiredCapabilities };
}

/** A subject without "*", or a namespace (RFC 1123 Section 2.1, a label) and ".*". */
const VIEWER = /^(?:[^\p{Cc}\p{Cs}*]{1,128}|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.\*)$/u;

function readWeight(weight: number): number {
  if (weight === 0) return DEFAULT_WEIGHT;
  if (weight <= MAX_WEIGHT) return weight;
  throw new ServiceError('ARGUMENT_INVALID', `weight ${weight} is not allowed: use 1 to ${MAX_WEIGHT}, or 0 for 100`);
}

function readTtl(ttlSeconds: number, defaultTtlSeconds: number): number {
  if (ttlSeconds === 0) return defaultTtlSeconds;
  if (ttlSeconds >= MIN_TTL_SECONDS && ttlSeconds <= MAX_TTL_SECONDS) return ttlSeconds;
  const rule = `use ${MIN_TTL_SECONDS} to ${MAX_TTL_SECONDS}, or 0 for ${defaultTtlSeconds}`;
  throw new ServiceError('ARGUMENT_INVALID', `ttl_seconds ${ttlSeconds} is not allowed: ${rule}`);
}

function requireAtMost(limit: number, entries: readonly unknown[], what: string): void {
  if (entries.length <= limit) return;
  throw new ServiceError('LIMIT_EXCEEDED', `${what} has ${entries.length} entries; at most ${limit}`);
}
