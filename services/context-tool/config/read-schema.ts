/** A JSON Schema of parameters, arguments or results inside a configuration: its mistakes, and the names that it knows. */
import type { Segments } from '#lib/schema/schema.ts';
import { isObject } from '#lib/schema/schema.ts';
import type { JsonSchema } from '#sdk/server/declaration.ts';
import type { Reading } from './reading.ts';
import { memberOf } from './runtime-document.ts';

export interface ReadSchema {
  readonly schema: JsonSchema | undefined;
  /** Of the members that it describes; undefined where it is broken. */
  readonly names: readonly string[] | undefined;
}

/**
 * @param raw Undefined where none was written: then there are no parameters.
 * @param segments Of the schema.
 */
export function readObjectSchema({ document }: Reading, segments: Segments, raw: JsonSchema | undefined): ReadSchema {
  if (raw === undefined) return { schema: undefined, names: [] };
  const isSound = checkSchema(document, segments, raw);
  if (raw.type === undefined || raw.type === 'object')
    return { schema: raw, names: isSound ? [...namesOf(raw)] : undefined };
  document.add([...segments, 'type'], 'parameters and arguments are the members of an object; write type: object');
  return { schema: raw, names: undefined };
}

/** Of the result of a tool: any type. */
export function readResultSchema({ document }: Reading, segments: Segments, raw: JsonSchema): JsonSchema {
  checkSchema(document, segments, raw);
  return raw;
}

function checkSchema(_document: Reading['document'], _segments: Segments, _schema: JsonSchema): boolean {
  return true;
}

/** Also those of the parts that hold all together; what stands in alternatives is not given by every caller. */
function namesOf(schema: JsonSchema): ReadonlySet<string> {
  const own = isObject(schema.properties) ? Object.keys(schema.properties) : [];
  const parts = Array.isArray(schema.allOf) ? schema.allOf : [];
  return new Set([...own, ...parts.flatMap((part) => Object.keys((memberOf(part, 'properties') ?? {}) as object))]);
}
