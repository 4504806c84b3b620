/**
 * The service card: what a server says of itself, as JSON, answered by ServiceInfo.GetCard.
 *
 * A card is a claim, not a right: the operator intersects its capabilities with what the owner declared. Unknown
 * members are kept out of the parsed form, so that a newer server can be read.
 */
import { createHash } from 'node:crypto';
import { isServerName, quote } from '#lib/capability/name.ts';
import { compilePattern, ONE } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import { parseStrictJson, StrictJsonError } from '#lib/strict-json.ts';

export const MAX_CARD_BYTES = 256 * 1024;
export const MAX_CARD_CAPABILITIES = 256;
const MAX_SERVICES = 64;
/** A card holds JSON Schemas, which nest deeper than anything else here. */
const MAX_DEPTH = 64;

export interface ServiceCard {
  readonly name: string;
  /** The server's own version, SemVer. */
  readonly version: string;
  /** For example "mcp2/1". */
  readonly protocol: string;
  /** gRPC services it offers, for example ContextTool. */
  readonly services: readonly string[];
  readonly capabilities: readonly string[];
}

export interface ReadCard {
  readonly card: ServiceCard;
  /** Lower-case hex SHA-256 of the bytes as received. */
  readonly digest: string;
}

/** @throws ServiceError ARGUMENT_INVALID that says what is wrong with the card. */
export function readCard(cardJson: Uint8Array): ReadCard {
  if (cardJson.byteLength > MAX_CARD_BYTES) throw invalid(`is larger than ${MAX_CARD_BYTES} bytes`);
  const value = parse(cardJson);
  const card: ServiceCard = {
    name: text(value, 'name', 63),
    version: text(value, 'version', 64),
    protocol: text(value, 'protocol', 32),
    services: list(value, 'services', MAX_SERVICES),
    capabilities: list(value, 'capabilities', MAX_CARD_CAPABILITIES),
  };
  if (card.name !== '' && !isServerName(card.name)) throw invalid(`has the name ${quote(card.name)}, which is none`);
  const long = card.services.find((service) => !isWord(service, 64));
  if (long !== undefined) throw invalid(`names ${quote(long)}, which is no service`);
  const bad = card.capabilities.map(problemOf).find((problem) => problem !== undefined);
  if (bad !== undefined) throw invalid(bad);
  return { card, digest: createHash('sha256').update(cardJson).digest('hex') };
}

/** Whoever says "*" would be found by everybody who looks for something else. */
function problemOf(capability: string): string | undefined {
  const pattern = compilePattern(capability);
  if (pattern === undefined) return `names ${quote(capability)}, which is no capability`;
  const [first = ONE] = pattern.atoms;
  return first === ONE ? `names ${quote(capability)}, which reaches every kind of capability` : undefined;
}

function parse(cardJson: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(cardJson), MAX_DEPTH);
  } catch (error) {
    throw invalid(error instanceof StrictJsonError ? error.message : 'is not UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('is not a JSON object');
  return value as Record<string, unknown>;
}

function text(card: Record<string, unknown>, member: string, maxLength: number): string {
  const value = card[member] ?? '';
  if (typeof value === 'string' && isWord(value, maxLength)) return value;
  throw invalid(`needs "${member}" as a text of at most ${maxLength} printable ASCII characters`);
}

function list(card: Record<string, unknown>, member: string, maxItems: number): readonly string[] {
  const value = card[member] ?? [];
  if (!Array.isArray(value) || value.length > maxItems || !value.every((item) => typeof item === 'string')) {
    throw invalid(`needs "${member}" as a list of at most ${maxItems} texts`);
  }
  return value;
}

/** What a card says is shown to people, in statuses and tables. */
function isWord(value: string, maxLength: number): boolean {
  return value.length <= maxLength && /^[\x20-\x7e]*$/.test(value);
}

function invalid(what: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', `the service card ${what}`);
}
