/**
 * Which payloads topics allow, where that is configured. Payloads are not looked into otherwise; what was stored before a
 * schema changed stays as it is.
 */
import { compilePattern, matches, type Pattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import type { CompiledSchema } from '#lib/json-schema/compile.ts';
import { parseStrictJson } from '#lib/strict-json.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';

export interface TopicSchema {
  /** Topic pattern. */
  readonly topics: string;
  readonly schema: CompiledSchema;
}

/** A payload with a schema is parsed in full. */
const MAX_CHECKED_BYTES = 64 * 1024;
const MAX_DEPTH = 64;

export class TopicSchemas {
  readonly #schemas: readonly { readonly pattern: Pattern; readonly schema: CompiledSchema }[];

  /** @param schemas Their patterns were checked. */
  constructor(schemas: readonly TopicSchema[]) {
    this.#schemas = schemas.map(({ topics, schema }) => ({ pattern: compilePattern(topics) as Pattern, schema }));
  }

  /** Every schema that matches the topic must hold. @throws ServiceError PAYLOAD_INVALID (metadata `path`) */
  check({ topic, payload }: Pick<EventPublishRequest__Output, 'topic' | 'payload'>): void {
    if (this.#schemas.length === 0) return;
    const asked = this.#schemas.filter(({ pattern }) => matches(pattern, topic));
    if (asked.length === 0) return;
    const value = parse(payload);
    for (const { pattern, schema } of asked) {
      const result = schema.check(value);
      if (!result.ok) throw refused(`payload${result.path} ${result.message} (schema of ${pattern.text})`, result.path);
    }
  }
}

function parse(payload: Buffer): unknown {
  if (payload.length > MAX_CHECKED_BYTES) {
    throw refused(`the payload has ${payload.length} bytes; at most ${MAX_CHECKED_BYTES} on a topic with a schema`, '');
  }
  try {
    return parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(payload), MAX_DEPTH);
  } catch {
    throw refused('the payload is not a JSON text in UTF-8, which the schema of this topic asks for', '');
  }
}

function refused(message: string, path: string): ServiceError {
  return new ServiceError('PAYLOAD_INVALID', message, { metadata: { path } });
}
