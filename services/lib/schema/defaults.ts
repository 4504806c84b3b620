/**
 * Fills in the schema's defaults as the API server does before it validates (apiextensions, "Defaulting and
 * Nullable"): a null counts as absent where the schema knows the field, and what a default brings gets its own
 * defaults in turn. A null that stands for an unknown field or a list item stays, for validation to refuse.
 */
import { isObject, type Schema } from './schema.ts';

/** @returns A copy; the value is left as it is. */
export function applyDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => applyDefaults(item, items)) : structuredClone(value);
  }
  if (!isObject(value)) return value;
  const schemaOf = (key: string) => ownProperty(schema.properties, key) ?? schema.additionalProperties;
  const given = Object.entries(value).filter(([key, member]) => member !== null || schemaOf(key) === undefined);
  const present = new Set(given.map(([key]) => key));
  const absent = Object.entries(schema.properties ?? {}).filter(
    ([key, property]) => property.default !== undefined && !present.has(key),
  );
  const filled = [...given, ...absent.map(([key, property]): [string, unknown] => [key, property.default])];
  return Object.fromEntries(filled.map(([key, member]) => [key, applyDefaults(member, schemaOf(key) ?? {})]));
}

/** A resource may have a field named "constructor"; the schema's prototype must not answer for it. */
function ownProperty(properties: Schema['properties'], key: string): Schema | undefined {
  return properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
}
