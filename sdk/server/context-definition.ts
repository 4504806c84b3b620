/** From a context as a developer writes it to its declaration. */
import { quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import { toJsonText } from '#lib/json-schema/json-text.ts';
import type { CachePolicy, Call, ContextAnswer, ContextDeclaration } from './declaration.ts';
import type { ArgumentsOf, Schema, SegmentsOf } from './schema-inference.ts';
import { convertArguments, readSchema } from './standard-schema.ts';
import { chain } from './tool-definition.ts';

export interface ContextOptions<Parameters extends Schema = Schema> {
  readonly description?: string;
  /** An object; what it does not name is refused. Absent: there are none. */
  readonly parameters?: Parameters;
  /** Default scope: Private. */
  readonly cache?: { readonly ttlMs: number; readonly scope?: CachePolicy['scope'] };
  /** Media type. A text is then sent as it is; without it, texts too are JSON, and bytes application/octet-stream. */
  readonly contentType?: string;
}

/**
 * Bytes are sent as they are, a text as it is when the context has a `contentType`, anything else as application/json.
 * undefined says that there is none: the caller gets CONTEXT_UNKNOWN.
 */
export type ContextHandler<Key extends string, Parameters> = (
  segments: SegmentsOf<Key>,
  parameters: ArgumentsOf<Parameters>,
  call: Call,
) => unknown;

type AnyHandler = (segments: never, parameters: never, call: Call) => unknown;

const JSON_TYPE = 'application/json';
const BYTES_TYPE = 'application/octet-stream';

/** @throws TypeError for a schema that has no form as JSON Schema */
export function defineContext(key: string, options: ContextOptions, handler: AnyHandler): ContextDeclaration {
  const { description, cache, contentType } = options;
  const parameters = readSchema(options.parameters, 'input', `parameters of ${key}`);
  const standard = parameters?.standard;
  const handle = handler as (segments: unknown, parameters: unknown, call: Call) => unknown;
  return {
    key,
    description,
    parameters: parameters?.json,
    contentType,
    cache: cache && { scope: 'Private', ...cache },
    read(request, call) {
      const answer = (own: unknown) =>
        chain(handle(request.segments, own, call), (value) => toAnswer(value, request.key, contentType));
      const read =
        standard === undefined
          ? answer(request.parameters)
          : chain(convertArguments(request.parameters, standard), answer);
      return read as ContextAnswer | Promise<ContextAnswer>;
    },
  };
}

function toAnswer(value: unknown, key: string, contentType: string | undefined): ContextAnswer {
  if (value === undefined) throw new ServiceError('CONTEXT_UNKNOWN', `there is no context ${quote(key)}`);
  if (value instanceof Uint8Array) {
    const content = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { content, contentType: contentType ?? BYTES_TYPE };
  }
  if (typeof value === 'string' && contentType !== undefined) return { content: Buffer.from(value), contentType };
  return { content: Buffer.from(toJsonText(value)), contentType: contentType ?? JSON_TYPE };
}
