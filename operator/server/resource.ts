/**
 * The Mcp2Server resource: its type with every default filled in, and the one way from untrusted JSON to it.
 *
 * The schema in `crds/mcp2.dev_mcp2servers.yaml` is the source of fields, bounds and defaults; what the parser accepts
 * is what the API server accepts, except that files in standalone mode may name a loopback address.
 */
import type { ObjectMeta } from '#lib/kube/object.ts';
import { applyDefaults } from '#lib/schema/defaults.ts';
import { isObject, type Schema } from '#lib/schema/schema.ts';
import { createStructureCheck, MAX_PROBLEMS, type Problem, problemAt } from '#lib/schema/structure.ts';
import { checkMetadata } from './metadata-check.ts';
import { createRuleCheck } from './rule-check.ts';

export type { Problem } from '#lib/schema/structure.ts';

export const API_VERSION = 'mcp2.dev/v1alpha1';
export const KIND = 'Mcp2Server';
export const FINALIZER = 'mcp2.dev/deregister';

export interface Mcp2Server {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly metadata: Metadata;
  readonly spec: Mcp2ServerSpec;
  /** As the API server stored it, unchecked; absent for a file. */
  readonly status?: Mcp2ServerStatus;
}

/** Mcp2Servers are namespaced; what only an API server writes is absent in files. */
export type Metadata = ObjectMeta & { readonly namespace: string };

export interface Mcp2ServerSpec {
  /** Absent = metadata.name; use `serverNameOf`. */
  readonly serverName?: string;
  readonly source: Source;
  readonly tls: Tls;
  readonly capabilityMode: CapabilityMode;
  readonly capabilities?: readonly DeclaredCapability[];
  readonly readiness: Readiness;
  readonly registration: Registration;
}

/** Exactly one member. */
export interface Source {
  readonly service?: { readonly name: string; readonly port: string | number };
  /** grpc://host:port or grpcs://host:port; `parseAddress` takes it apart. */
  readonly address?: string;
}

export interface Tls {
  readonly mode: 'Disabled' | 'Simple' | 'Mutual';
  readonly caBundleRef?: { readonly kind: 'ConfigMap'; readonly name: string; readonly key: string };
  readonly serverName?: string;
}

export type CapabilityMode = 'Declared' | 'Discovered' | 'Intersect';

export interface DeclaredCapability {
  readonly name: string;
  readonly methods?: readonly string[];
  readonly contextKeys?: readonly string[];
  readonly tools?: readonly string[];
  readonly topics?: readonly string[];
  readonly params?: readonly string[];
  readonly readOnly?: boolean;
  readonly idempotent?: boolean;
}

export type Gate = 'Endpoints' | 'Handshake';

export interface Readiness {
  readonly gates: readonly Gate[];
  readonly minReadyEndpoints: number;
  readonly minReadySeconds: number;
  readonly probe: Probe;
}

export interface Probe {
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export interface Registration {
  readonly drainSeconds: number;
  readonly visibility: Visibility;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Visibility {
  readonly from: 'Same' | 'All' | 'Selector';
  /** Of namespaces; present exactly when `from` is Selector. */
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
}

export interface Mcp2ServerStatus {
  readonly observedGeneration?: number;
  readonly serverName?: string;
  readonly registration?: { readonly revision?: string; readonly hash?: string; readonly registeredAt?: string };
  readonly endpoints?: { readonly ready?: number; readonly total?: number; readonly summary?: string };
  readonly endpointSample?: readonly { readonly address: string; readonly zone?: string; readonly ready: boolean }[];
  readonly serverInfo?: {
    readonly name?: string;
    readonly version?: string;
    readonly protocol?: string;
    readonly services?: readonly string[];
  };
  readonly capabilities?: {
    readonly advertised?: number;
    readonly declaredOnly?: readonly string[];
    readonly undeclared?: readonly string[];
    readonly digest?: string;
  };
  readonly conditions?: readonly Condition[];
}

/** As the Kubernetes API conventions have it. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export interface ParseOptions {
  /** True in standalone mode only, where files and servers are on one machine. */
  readonly allowLoopback: boolean;
  /** True for what an API server stored: it drops unknown fields itself, or knows a newer schema than we do. */
  readonly ignoreUnknownFields?: boolean;
  /** The resource before an update, for what must not change; without it the resource is new. */
  readonly oldResource?: Mcp2Server;
}

export type ParseResult =
  | { readonly ok: Mcp2Server; readonly problems?: undefined }
  | { readonly ok?: undefined; readonly problems: readonly Problem[] };

export type ParseMcp2Server = (object: unknown, options: ParseOptions) => ParseResult;

/** @param schema From `readSchema`. Compiles once. @throws Error when a rule of the schema has no twin in rules.ts. */
export function createMcp2ServerParser(schema: Schema): ParseMcp2Server {
  const full = withIdentity(schema);
  const checkStructure = createStructureCheck(full);
  const checkRules = createRuleCheck(full);
  return function parseMcp2Server(object, { allowLoopback, ignoreUnknownFields = false, oldResource }) {
    if (!isObject(object))
      return { problems: [problemAt([], `write an ${KIND} with apiVersion, kind, metadata and spec`)] };
    const resource = applyDefaults(object, full);
    const broken = checkStructure(resource, { ignoreUnknownFields });
    const rules = checkRules(resource, { allowLoopback, oldObject: oldResource, broken });
    const named = ignoreUnknownFields ? [] : checkNames(resource, broken);
    const problems = [...broken, ...named, ...rules].slice(0, MAX_PROBLEMS);
    return problems.length > 0 ? { problems } : { ok: resource as Mcp2Server };
  };
}

/** The name that clients look up, and the audience of their tokens. */
export function serverNameOf({ spec, metadata }: Mcp2Server): string {
  return spec.serverName ?? metadata.name;
}

/**
 * The API server checks apiVersion, kind and metadata with code of its own, so the definition says nothing of them.
 * The status is the operator's and the API server's affair: one that stands in a file is not looked at.
 */
function withIdentity(schema: Schema): Schema {
  const properties = {
    ...schema.properties,
    apiVersion: { type: 'string', enum: [API_VERSION] },
    kind: { type: 'string', enum: [KIND] },
    metadata: metadataSchema(),
    status: {},
  };
  return { ...schema, required: ['apiVersion', 'kind', 'metadata', 'spec'], properties };
}

/** Labels and annotations of a file; what an API server stored has passed its own check. */
function checkNames(resource: unknown, broken: readonly Problem[]): readonly Problem[] {
  if (broken.some(({ segments }) => segments[0] === undefined || segments[0] === 'metadata')) return [];
  return checkMetadata((resource as Mcp2Server).metadata);
}

function metadataSchema(): Schema {
  const texts = { type: 'object', additionalProperties: { type: 'string' } };
  const name = {
    type: 'string',
    minLength: 1,
    maxLength: 253,
    pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
  };
  const namespace = { type: 'string', maxLength: 63, pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$', default: 'default' };
  // Nobody here reads them from a file, but the API server refuses the resource where their type is wrong.
  const text = { type: 'string' };
  const whole = { type: 'integer' };
  const listOf = (items: Schema) => ({ type: 'array', items });
  const unread = {
    ...{ uid: text, resourceVersion: text, generateName: text, selfLink: text },
    ...{ creationTimestamp: text, deletionTimestamp: text },
    ...{ generation: whole, deletionGracePeriodSeconds: whole },
    ...{
      finalizers: listOf(text),
      ownerReferences: listOf({ type: 'object' }),
      managedFields: listOf({ type: 'object' }),
    },
  };
  return {
    type: 'object',
    required: ['name'],
    properties: {
      name,
      namespace,
      labels: texts,
      annotations: texts,
      ...unread,
    },
  };
}
