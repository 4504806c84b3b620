/** The wire forms of a schema that somebody else uses, without compiling it: what a client needs to read a tool's result. */
import { findNoData } from './json-data.ts';
import { readSchema } from './read-schema.ts';
import { type WireForm, wireFormsOf } from './wire-form.ts';

/** @returns undefined for a schema that cannot be used */
export function readWireForms(schema: Readonly<Record<string, unknown>>): ReadonlyMap<string, WireForm> | undefined {
  if (findNoData(schema) !== undefined) return undefined;
  const { tree, problems } = readSchema(schema);
  return problems.length > 0 ? undefined : wireFormsOf(tree.root);
}
