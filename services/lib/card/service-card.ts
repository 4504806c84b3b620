/**
 * The service card: what a server says of itself, as JSON, answered by ServiceInfo.GetCard.
 *
 * A card is a claim, not a right: the operator intersects its capabilities with what the owner declared. Unknown
 * members are kept out of the parsed form, so that a newer server can be read.
 */
import { createHash } from 'node:crypto';
import { compilePattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';

export const MAX_CARD_BYTES = 256 * 1024;
const MAX_CARD_CAPABILITIES = 256;

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
    protocol: text(value, 'protocol', 64),
    services: list(value, 'services', 64),
    capabilities: list(value, 'capabilities', MAX_CARD_CAPABILITIES),
  };
  const bad = card.capabilities.find((capability) => compilePattern(capability) === undefined);
  if (bad !== undefined) throw invalid(`names "${bad.slice(0, 80)}", which is no capability`);
  return { card, digest: createHash('sha256').update(cardJson).digest('hex') };
}

function parse(cardJson: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(cardJson));
  } catch (cause) {
    throw new ServiceError('ARGUMENT_INVALID', 'the service card is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('is not a JSON object');
  return value as Record<string, unknown>;
}

function text(card: Record<string, unknown>, member: string, maxLength: number): string {
  const value = card[member] ?? '';
  if (typeof value !== 'string' || value.length > maxLength)
    throw invalid(`needs "${member}" as a text of at most ${maxLength} characters`);
  return value;
}

function list(card: Record<string, unknown>, member: string, maxItems: number): readonly string[] {
  const value = card[member] ?? [];
  if (!Array.isArray(value) || value.length > maxItems || !value.every((item) => typeof item === 'string')) {
    throw invalid(`needs "${member}" as a list of at most ${maxItems} texts`);
  }
  return value;
}

function invalid(what: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', `the service card ${what}`);
}
