/** A JSON Schema of parameters, arguments or results inside a configuration: its mistakes, and the names that it knows. */
import { type CompiledSchema, compileSchema } from '#lib/json-schema/compile.ts';
import { SchemaProblem } from '#lib/json-schema/schema-problem.ts';
import type { Segments } from '#lib/schema/schema.ts';
import type { JsonSchema } from '#sdk/server/declaration.ts';
import type { Reading } from './reading.ts';

export interface ReadSchema {
  readonly schema: JsonSchema | undefined;
  /** Of the members that it describes; undefined where it is broken. */
  readonly names: readonly string[] | undefined;
}

/**
 * @param segments Of the schema.
 * @param raw Undefined where none was written: then nothing is given.
 */
export function readObjectSchema(reading: Reading, segments: Segments, raw: JsonSchema | undefined): ReadSchema {
  if (raw === undefined) return { schema: undefined, names: [] };
  if (raw.type !== undefined && raw.type !== 'object') {
    const message = 'parameters and arguments are the members of an object; write type: object';
    reading.document.add([...segments, 'type'], message);
    return { schema: raw, names: undefined };
  }
  const compiled = compile(reading, segments, raw, true);
  return { schema: raw, names: compiled && [...compiled.forms.keys()] };
}

/** Of the result of a tool: any type. */
export function readResultSchema(reading: Reading, segments: Segments, raw: JsonSchema): JsonSchema {
  compile(reading, segments, raw, false);
  return raw;
}

/** @returns undefined after problems were added */
function compile(
  { document }: Reading,
  segments: Segments,
  schema: JsonSchema,
  closed: boolean,
): CompiledSchema | undefined {
  try {
    return compileSchema(schema, { closed });
  } catch (error) {
    if (!(error instanceof SchemaProblem)) throw error;
    for (const { path, message } of error.problems) document.add([...segments, ...path], message);
    return undefined;
  }
}
