/**
 * A small Kubernetes client for tests: plain JSON in, plain JSON out, server-side apply, kubectl's columns.
 *
 * It shares nothing with the client that the operator uses, so that a fault of that one cannot hide behind itself.
 * Kinds are mapped to paths by asking the API server, as kubectl does.
 */

import { Agent, request } from 'undici';
import type { KubeAccess } from './kubeconfig.ts';

export interface KubeObjectReference {
  /** For example "v1" or "mcp2.dev/v1alpha1". */
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** An object as the API server sends it. Tests read it freely, so its fields are not typed. */
export type KubeObject = KubeObjectReference & {
  // biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the API server
  readonly metadata: { readonly [field: string]: any };
  // biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the kind under test
  readonly [field: string]: any;
};

export interface KubeListReference {
  readonly apiVersion: string;
  readonly kind: string;
  /** Default: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
}

export interface KubeTable {
  /** As `kubectl get` prints them; of priority 0 only. */
  readonly columns: readonly string[];
  /** One record a row, by column. */
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** "status", "scale", … */
export interface SubresourceOption {
  readonly subresource?: string;
}

/** What the API server answered instead of success: its Status object. */
export class KubeError extends Error {
  readonly code: number;
  /** For example "NotFound", "Invalid", "Forbidden". */
  readonly reason: string;

  constructor(code: number, body: string) {
    const status = parseStatus(body);
    super(status.message ?? `the API server answered ${code}: ${body.slice(0, 500)}`);
    this.name = 'KubeError';
    this.code = code;
    this.reason = status.reason ?? 'Unknown';
  }
}

const REQUEST_TIMEOUT_MS = 30_000;
const JSON_TYPE = 'application/json';

export class KubeClient implements AsyncDisposable {
  readonly #access: KubeAccess;
  readonly #agent: Agent;
  /** "apiVersion/kind" → plural and scope. */
  readonly #kinds = new Map<string, { readonly plural: string; readonly namespaced: boolean }>();

  constructor(access: KubeAccess) {
    this.#access = access;
    const { credentials } = access;
    const client = 'token' in credentials ? {} : { cert: credentials.certificate, key: credentials.key };
    this.#agent = new Agent({ connect: { ca: access.authority, ...client } });
  }

  /** Server-side apply. Default manager "mcp2-test", with force, as one who owns the object would. */
  async apply(
    object: KubeObjectReference,
    {
      fieldManager = 'mcp2-test',
      force = true,
      subresource,
      dryRun = false,
    }: SubresourceOption & { fieldManager?: string; force?: boolean; dryRun?: boolean } = {},
  ): Promise<KubeObject> {
    const path = await this.#objectPath(object, subresource);
    const query = new URLSearchParams({ fieldManager, force: String(force), fieldValidation: 'Strict' });
    if (dryRun) query.set('dryRun', 'All');
    return this.#object('PATCH', `${path}?${query}`, { body: object, contentType: 'application/apply-patch+yaml' });
  }

  async create(object: KubeObjectReference, { subresource }: SubresourceOption = {}): Promise<KubeObject> {
    const path =
      subresource === undefined ? await this.#collectionPath(object) : await this.#objectPath(object, subresource);
    return this.#object('POST', path, { body: object, contentType: JSON_TYPE });
  }

  async get(reference: KubeObjectReference): Promise<KubeObject> {
    return this.#object('GET', await this.#objectPath(reference));
  }

  /** Undefined when it does not exist. */
  async find(reference: KubeObjectReference): Promise<KubeObject | undefined> {
    try {
      return await this.get(reference);
    } catch (error) {
      if (error instanceof KubeError && error.code === 404) return undefined;
      throw error;
    }
  }

  async list(reference: KubeListReference): Promise<KubeObject[]> {
    const { items } = await this.#object('GET', await this.#listPath(reference));
    return items as KubeObject[];
  }

  /** JSON merge patch (RFC 7396): null removes a field. */
  async patch(
    reference: KubeObjectReference,
    patch: object,
    { subresource }: SubresourceOption = {},
  ): Promise<KubeObject> {
    const path = await this.#objectPath(reference, subresource);
    return this.#object('PATCH', path, { body: patch, contentType: 'application/merge-patch+json' });
  }

  /** Returns at once; an object with finalizers stays until they are gone. Deleting what is gone is no error. */
  async delete(reference: KubeObjectReference): Promise<void> {
    try {
      await this.#object('DELETE', await this.#objectPath(reference));
    } catch (error) {
      if (!(error instanceof KubeError && error.code === 404)) throw error;
    }
  }

  /** The columns of `kubectl get`. */
  async table(reference: KubeListReference): Promise<KubeTable> {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const table = await this.#object('GET', await this.#listPath(reference), { accept });
    const definitions = table.columnDefinitions as { name: string; priority: number }[];
    const columns = definitions.filter(({ priority }) => priority === 0).map(({ name }) => name);
    const rows = (table.rows as { cells: unknown[] }[]).map(({ cells }) =>
      Object.fromEntries(
        definitions.flatMap(({ name, priority }, i) => (priority === 0 ? [[name, String(cells[i] ?? '')]] : [])),
      ),
    );
    return { columns, rows };
  }

  /** A path as it is, for what the methods above do not cover. @throws KubeError unless the answer is 2xx. */
  async raw(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    { body, contentType, accept = JSON_TYPE }: { body?: object; contentType?: string; accept?: string } = {},
  ): Promise<string> {
    const { credentials, url } = this.#access;
    const answer = await request(`${url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        accept,
        ...('token' in credentials ? { authorization: `Bearer ${credentials.token}` } : {}),
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new KubeError(answer.statusCode, text);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #object(...call: Parameters<KubeClient['raw']>): Promise<KubeObject> {
    return JSON.parse(await this.raw(...call)) as KubeObject;
  }

  async #listPath({ apiVersion, kind, namespace, labelSelector }: KubeListReference): Promise<string> {
    const metadata = namespace === undefined ? { name: '' } : { name: '', namespace };
    const path = await this.#collectionPath({ apiVersion, kind, metadata });
    return labelSelector === undefined ? path : `${path}?${new URLSearchParams({ labelSelector })}`;
  }

  async #objectPath(reference: KubeObjectReference, subresource?: string): Promise<string> {
    const path = `${await this.#collectionPath(reference)}/${encodeURIComponent(reference.metadata.name)}`;
    return subresource === undefined ? path : `${path}/${subresource}`;
  }

  async #collectionPath({ apiVersion, kind, metadata }: KubeObjectReference): Promise<string> {
    const { plural, namespaced } = await this.#lookUpKind(apiVersion, kind);
    const scope = namespaced && metadata.namespace !== undefined ? `/namespaces/${metadata.namespace}` : '';
    return `${groupPath(apiVersion)}${scope}/${plural}`;
  }

  async #lookUpKind(apiVersion: string, kind: string): Promise<{ plural: string; namespaced: boolean }> {
    const key = `${apiVersion}/${kind}`;
    if (!this.#kinds.has(key)) {
      const { resources } = await this.#object('GET', groupPath(apiVersion));
      for (const resource of resources as { name: string; kind: string; namespaced: boolean }[]) {
        if (resource.name.includes('/')) continue;
        this.#kinds.set(`${apiVersion}/${resource.kind}`, { plural: resource.name, namespaced: resource.namespaced });
      }
    }
    const found = this.#kinds.get(key);
    if (found === undefined) throw new Error(`the API server knows no kind ${kind} in ${apiVersion}`);
    return found;
  }
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function parseStatus(body: string): { readonly message?: string; readonly reason?: string } {
  try {
    return JSON.parse(body) as { message?: string; reason?: string };
  } catch {
    return {};
  }
}
