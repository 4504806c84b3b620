/**
 * What the operator needs to know of any Kubernetes object: its metadata, its key and where it lives in the API.
 *
 * Objects are the raw JSON the API server sent. Typed models drop fields they do not know and turn times into
 * Date, which the server refuses in a MicroTime; so nothing here is ever a class instance. Cached objects are
 * shared: never change one.
 */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** RFC 3339; present while finalizers hold the deletion back. */
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly unknown[];
  readonly ownerReferences?: readonly unknown[];
}

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** A kind as the API server addresses it. */
export interface ResourceType {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower-case plural, for example "mcp2servers". */
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

export interface ObjectName {
  readonly name: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string | undefined;
}

/** "namespace/name", or "name" for a cluster-scoped object. Neither part can hold a slash. */
export function keyOf({ metadata }: KubeObject): string {
  return formatKey(metadata);
}

export function formatKey({ name, namespace }: ObjectName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function nameOfKey(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function apiVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of all objects of a kind, in one namespace or (without) in all. */
export function collectionPath(resource: ResourceType, namespace?: string): string {
  const { group, version, plural } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${plural}`;
}

/** The path of one object, or of one of its subresources. */
export function objectPath(resource: ResourceType, { name, namespace }: ObjectName, subresource?: string): string {
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/**
 * Orders two resource versions of one kind: negative when `a` is older.
 *
 * KEP-5504: resource versions are decimal integers of any size, comparable within one resource type.
 * @returns undefined when one of them is not such a number.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}

const DECIMAL = /^(0|[1-9][0-9]*)$/;

/** Name and version of everything the operator asks for in the core groups. */
export const LEASES: ResourceType = Object.freeze({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  isNamespaced: true,
});

export const EVENTS: ResourceType = Object.freeze({
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  isNamespaced: true,
});

export const SERVICES: ResourceType = Object.freeze({
  group: '',
  version: 'v1',
  plural: 'services',
  kind: 'Service',
  isNamespaced: true,
});

export const ENDPOINT_SLICES: ResourceType = Object.freeze({
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  isNamespaced: true,
});

export const CONFIG_MAPS: ResourceType = Object.freeze({
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  isNamespaced: true,
});

export const SECRETS: ResourceType = Object.freeze({
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  isNamespaced: true,
});

export const NAMESPACES: ResourceType = Object.freeze({
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  isNamespaced: false,
});
