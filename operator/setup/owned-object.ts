/**
 * A Secret or ConfigMap that the setup jobs make and keep right, whoever else writes at the same time.
 *
 * Two jobs may run at once, and what they write is random: so the object is read, a decision is made on what it holds,
 * and the write is refused when it changed since. The first one to create it wins: it is applied without force under a
 * field manager of this attempt's own, which the API server answers with a conflict when another one's values are
 * there. (Applied and not POSTed, because RBAC can limit a create by name only where the name is part of the request.)
 */
import { randomBytes } from 'node:crypto';
import type { KubeApi } from '#lib/kube/api.ts';
import { isConflict, isNotFound } from '#lib/kube/api-error.ts';
import { CONFIG_MAPS, type KubeObject, type ObjectName, type ResourceType, SECRETS } from '#lib/kube/object.ts';
import type { Logger } from '#lib/logger.ts';
import { explainRefusal, nameForPeople, SetupError } from './setup-error.ts';

/** Decoded: what a pod would find in the files. */
export type Content = Readonly<Record<string, string>>;

export interface Change {
  /** Entries to write; the others stay. Null removes one. */
  readonly data: Readonly<Record<string, string | null>>;
  /** For the log. */
  readonly why: string;
}

export interface ObjectAccess {
  readonly api: Pick<KubeApi, 'get' | 'list' | 'mergePatch' | 'serverSideApply'>;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface OwnedObject {
  readonly resource: ResourceType;
  readonly name: string;
  /** Default: that of the access. */
  readonly namespace?: string;
  /** Of a new Secret. Default "Opaque". */
  readonly type?: string;
  /** True = may belong to somebody else; only what is missing in it is filled in. Default false. */
  readonly mayBeForeign?: boolean;
  /** @returns undefined when it is right as it is. `found` is undefined when it does not exist. */
  readonly decide: (found: Content | undefined) => Change | undefined | Promise<Change | undefined>;
}

export const MANAGED_BY = 'app.kubernetes.io/managed-by';
export const MANAGER = 'mcp2-setup';
/** The namespace of the control plane that an object belongs to: two of them may publish into one namespace. */
export const CONTROL_PLANE = 'mcp2.dev/control-plane';
const MAX_ATTEMPTS = 8;

/** @returns what it holds in the end. @throws SetupError, KubeApiError */
export async function ensureObject(access: ObjectAccess, object: OwnedObject): Promise<Content> {
  const { resource, name, namespace = access.namespace } = object;
  for (let attempt = 1; ; attempt += 1) {
    const found = await readObject(access, resource, { name, namespace });
    const content = found === undefined ? undefined : decode(resource, found);
    const change = await object.decide(content);
    if (change === undefined) return content ?? {};
    if (found !== undefined) checkOurs(access, object, found);
    try {
      const written =
        found === undefined ? await create(access, object, change) : await patch(access, object, found, change);
      const done = found === undefined ? 'created' : 'updated';
      access.log.info({ object: nameForPeople(resource, { name, namespace }), why: change.why }, done);
      return decode(resource, written);
    } catch (error) {
      if (!isConflict(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** @returns undefined when it does not exist. @throws SetupError, KubeApiError */
export async function readContent(
  access: ObjectAccess,
  resource: ResourceType,
  name: string,
): Promise<Content | undefined> {
  const found = await readObject(access, resource, { name, namespace: access.namespace });
  return found === undefined ? undefined : decode(resource, found);
}

interface DataObject extends KubeObject {
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>> | null;
}

async function readObject({ api, signal }: ObjectAccess, resource: ResourceType, name: ObjectName) {
  try {
    return await api.get<DataObject>(resource, name, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw explainRefusal(error, 'get', resource, name);
  }
}

async function create(access: ObjectAccess, object: OwnedObject, { data }: Change): Promise<DataObject> {
  const { resource, name, namespace = access.namespace, type = 'Opaque' } = object;
  const body = {
    metadata: { name, namespace, labels: access.labels },
    ...(resource === SECRETS ? { type } : {}),
    data: encode(resource, data),
  };
  const fieldManager = `${MANAGER}-${randomBytes(4).toString('hex')}`;
  const options = { fieldManager, force: false, signal: access.signal };
  try {
    return await access.api.serverSideApply<DataObject>(resource, body as DataObject, options);
  } catch (error) {
    throw explainRefusal(error, 'create" and "patch', resource, { name, namespace });
  }
}

async function patch(
  access: ObjectAccess,
  { resource, name, namespace = access.namespace }: OwnedObject,
  { metadata }: DataObject,
  { data }: Change,
): Promise<DataObject> {
  const { resourceVersion } = metadata;
  const body = { metadata: { resourceVersion, labels: access.labels }, data: encode(resource, data) };
  try {
    return await access.api.mergePatch<DataObject>(resource, { name, namespace }, body, { signal: access.signal });
  } catch (error) {
    throw explainRefusal(error, 'patch', resource, { name, namespace });
  }
}

/** Overwriting what somebody else made, perhaps the only copy of a key, is not for a job to decide. */
function checkOurs(access: ObjectAccess, object: OwnedObject, { metadata, immutable, type }: DataObject): void {
  const { resource, name, namespace = access.namespace, mayBeForeign = false } = object;
  const what = nameForPeople(resource, { name, namespace });
  if (immutable === true)
    throw new SetupError(`${what} must be changed but is immutable: delete it and run this again`);
  if (resource === SECRETS && type !== (object.type ?? 'Opaque') && type !== 'Opaque') {
    throw new SetupError(`${what} must be changed but is of type ${type}: delete it, or choose another release name`);
  }
  const { [MANAGED_BY]: manager, [CONTROL_PLANE]: controlPlane } = metadata.labels ?? {};
  if (mayBeForeign) return;
  if (manager !== MANAGER) {
    throw new SetupError(
      `${what} must be changed but was not made by the setup job: delete it if nobody needs it, or label it ${MANAGED_BY}=${MANAGER} to have it overwritten`,
    );
  }
  if (controlPlane !== undefined && controlPlane !== access.labels[CONTROL_PLANE]) {
    throw new SetupError(`${what} belongs to the control plane in namespace ${controlPlane}`);
  }
}

function encode(resource: ResourceType, data: Change['data']): Record<string, string | null> {
  if (resource === CONFIG_MAPS) return { ...data };
  const encoded = (text: string | null) => (text === null ? null : Buffer.from(text).toString('base64'));
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, encoded(text)]));
}

function decode(resource: ResourceType, { data }: DataObject): Content {
  if (resource === CONFIG_MAPS) return data ?? {};
  const decoded = (text: string) => Buffer.from(text, 'base64').toString();
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, text]) => [key, decoded(text)]));
}
