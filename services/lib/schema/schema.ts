/**
 * Reads the schema out of the custom resource definition: `crds/mcp2.dev_mcp2servers.yaml` is its one source, for the
 * API server and for us.
 *
 * The definition is OpenAPI v3 in Kubernetes' structural form, which is no JSON Schema: `format` is int32 and the
 * like, lists have a type, and cross-field rules are CEL text in `x-kubernetes-validations`.
 */
import { parse } from 'yaml';
import { shortOnOneLine } from '../printable.ts';

export interface Rule {
  /** CEL; evaluated by the API server only, `rules.ts` holds a twin for each message. */
  readonly rule: string;
  readonly message: string;
  /** Where the problem is shown, below the rule's own place: ".tls.mode". */
  readonly fieldPath?: string;
}

/** The part of OpenAPI v3 that our definitions use. */
export interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

/** A place in a resource, for example ['spec', 'capabilities', 0, 'name']. */
export type Segments = readonly (string | number)[];

interface Definition {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[] };
}

/** @param definition The YAML text of a CustomResourceDefinition with one version. */
export function readSchema(definition: string): Schema {
  const version = (parse(definition) as Definition).spec.versions[0];
  if (!version) throw new Error('the custom resource definition has no version');
  return version.schema.openAPIV3Schema;
}

const MAX_KEY_CHARACTERS = 100;

/**
 * As the API server writes it: "spec.capabilities[0].name"; keys of a map in brackets too, "spec.tags[a.b]". A key is
 * whatever somebody wrote: it is cut and made harmless.
 */
export function formatPath(segments: Segments): string {
  let path = '';
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(segment)) path += `[${shortOnOneLine(segment, MAX_KEY_CHARACTERS)}]`;
    else path += path === '' ? segment : `.${segment}`;
  }
  return path;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
