/** What a publish may look like, asked before any right: event-bus.md Section 1. */
import { isParameterName, quote, requireTopic } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import { invalid } from '../invalid.ts';

export const MAX_PAYLOAD_BYTES = 256 * 1024;
const MAX_EVENT_ID_BYTES = 128;
const MAX_CONTENT_TYPE_BYTES = 256;
const MAX_ATTRIBUTES = 64;
const MAX_ATTRIBUTE_BYTES = 32 * 1024;
/** The bus' own, under whatever spelling. */
const OWN_ATTRIBUTE = /^mcp2-/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/** @throws ServiceError ARGUMENT_INVALID (metadata `path`), NAME_INVALID or TOPIC_RESERVED */
export function requirePublishForm(request: EventPublishRequest__Output): void {
  const { topic, payload, event_id: id, content_type: type, attributes, expected_last_sequence: expected } = request;
  requireTopic(topic, 'topic');
  requireEscapable(topic);
  if (topic.startsWith('_')) throw reserved(topic);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw invalid('payload', `payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES}`);
  }
  requireText('event_id', id, MAX_EVENT_ID_BYTES);
  requireText('content_type', type, MAX_CONTENT_TYPE_BYTES);
  requireAttributes(attributes);
  if (expected !== undefined && expected < 0) {
    throw invalid(
      'expected_last_sequence',
      'expected_last_sequence is negative; 0 means that the topic has no event yet',
    );
  }
}

export function reserved(topic: string): ServiceError {
  return new ServiceError(
    'TOPIC_RESERVED',
    `${quote(topic)} begins with "_": such topics belong to the bus; use another first segment`,
  );
}

const MAX_SUBJECT_BYTES = 255;

/**
 * Both logs take the same topics: in the other one a topic becomes a subject in which all but letters, digits, _ and - take
 * three bytes, behind a prefix.
 *
 * @throws ServiceError NAME_INVALID
 */
function requireEscapable(topic: string): void {
  if (topic.length * 3 + SUBJECT_PREFIX.length <= MAX_SUBJECT_BYTES) return;
  const bytes = SUBJECT_PREFIX.length + topic.replace(/[^A-Za-z0-9_:-]/g, '=HH').length;
  if (bytes <= MAX_SUBJECT_BYTES) return;
  throw new ServiceError(
    'NAME_INVALID',
    `topic ${quote(topic)} is too long: ${bytes} bytes once its characters other than letters, digits, _ and - are escaped, at most ${MAX_SUBJECT_BYTES}`,
  );
}

const SUBJECT_PREFIX = 'mcp2.default.ev.';

function requireAttributes(attributes: Readonly<Record<string, string>>): void {
  const entries = Object.entries(attributes);
  if (entries.length > MAX_ATTRIBUTES) {
    throw invalid('attributes', `attributes has ${entries.length} entries; at most ${MAX_ATTRIBUTES}`);
  }
  let bytes = 0;
  for (const [key, value] of entries) {
    if (!isParameterName(key)) {
      const rule = 'a letter or _, then up to 63 of A-Z a-z 0-9 _ . -';
      throw invalid('attributes', `attributes has the key ${quote(key)}; use ${rule}, and not __proto__`);
    }
    if (OWN_ATTRIBUTE.test(key)) {
      throw invalid(
        `attributes.${key}`,
        `the attribute ${quote(key)} is reserved: the bus sets those that begin with mcp2-`,
      );
    }
    requireNoControl(`attributes.${key}`, value);
    bytes += key.length + Buffer.byteLength(value);
  }
  if (bytes > MAX_ATTRIBUTE_BYTES) {
    throw invalid('attributes', `attributes has ${bytes} bytes; at most ${MAX_ATTRIBUTE_BYTES}`);
  }
}

function requireText(path: string, text: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw invalid(path, `${path} has ${bytes} bytes; at most ${maxBytes}`);
  requireNoControl(path, text);
}

function requireNoControl(path: string, text: string): void {
  if (!CONTROL_CHARACTER.test(text)) return;
  throw invalid(
    path,
    `${path} has a control character (below U+0020, or U+007F); remove it, or put it into the payload`,
  );
}
