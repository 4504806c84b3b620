/**
 * Schemas of other libraries, by the two interfaces that they share (https://standardschema.dev): one checks and converts a
 * value, the other says the same as JSON Schema. zod from 4.2 has both, as have arktype and, through its
 * `toStandardJsonSchema`, valibot. Declared here, so that none of them is a dependency.
 */
import { ServiceError } from '#lib/errors.ts';
import type { JsonSchema } from './declaration.ts';

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** Only says the types. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Each throws for what JSON Schema cannot say. */
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: string }) => Record<string, unknown>;
      readonly output: (options: { readonly target: string }) => Record<string, unknown>;
    };
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema in the two forms in which it is used. */
export interface ReadSchema {
  readonly json: JsonSchema;
  /** Undefined: the JSON Schema says it all. */
  readonly standard: StandardSchema | undefined;
}

/** @throws TypeError for a schema that has no form as JSON Schema; `what` begins the sentence: "input of feed" */
export function readSchema(
  schema: JsonSchema | StandardSchema | undefined,
  side: 'input' | 'output',
  what: string,
): ReadSchema | undefined {
  if (schema === undefined) return undefined;
  if (!isStandard(schema)) return { json: schema, standard: undefined };
  const { vendor, jsonSchema } = schema['~standard'];
  if (jsonSchema === undefined) {
    const advice = 'use zod 4.2 or later, arktype, valibot with toStandardJsonSchema, or a JSON Schema';
    throw new TypeError(`${what}: this schema of ${vendor} cannot say what it is as JSON Schema: ${advice}`);
  }
  try {
    return { json: jsonSchema[side]({ target: 'draft-2020-12' }), standard: schema };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TypeError(`${what}: this schema of ${vendor} has no form as JSON Schema: ${why}`, { cause: error });
  }
}

/** Some libraries make functions of their schemas. */
function isStandard(schema: JsonSchema | StandardSchema): schema is StandardSchema {
  return '~standard' in schema;
}

/** The value as the schema makes it; refused for the caller with the place of the first mistake. */
export function convertArguments(value: unknown, { '~standard': { validate } }: StandardSchema): unknown {
  const result = validate(value);
  return result instanceof Promise ? result.then(accept) : accept(result);
}

function accept(result: StandardResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const { path, message } = describeIssue(result.issues);
  const where = path === '' ? 'the arguments' : path;
  throw new ServiceError('ARGUMENT_INVALID', `${where}: ${message}`, { metadata: { path } });
}

/** The result as the schema makes it. @throws Error, which is nothing for callers */
export function convertResult(value: unknown, { '~standard': { validate } }: StandardSchema, what: string): unknown {
  const result = validate(value);
  const take = (taken: StandardResult<unknown>): unknown => {
    if (taken.issues === undefined) return taken.value;
    const { path, message } = describeIssue(taken.issues);
    throw new Error(`${what} broke its output schema: ${path || 'the result'}: ${message}`);
  };
  return result instanceof Promise ? result.then(take) : take(result);
}

/** RFC 6901. */
function describeIssue([first]: readonly StandardIssue[]): { readonly path: string; readonly message: string } {
  const keys = (first?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  const path = keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return { path, message: first?.message ?? 'is not allowed' };
}
