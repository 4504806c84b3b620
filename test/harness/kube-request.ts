/**
 * What a request asks of the API server, in its own terms (verb, resource, name), so that a fault can be aimed.
 * After k8s.io/apiserver's RequestInfo; https://kubernetes.io/docs/reference/using-api/api-concepts/.
 */

export type KubeVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  /** Not about a resource: /readyz, discovery of groups and kinds. */
  | 'other';

export interface KubeRequest {
  readonly verb: KubeVerb;
  /** For example "/api/v1/pods?watch=true". */
  readonly path: string;
  /** Empty for the core group; undefined for what is not about a resource. */
  readonly group?: string;
  /** Plural, for example "mcp2servers". */
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Every field that is given must fit. */
export interface KubeRequestMatch {
  readonly verb?: KubeVerb | readonly KubeVerb[];
  readonly group?: string;
  readonly resource?: string;
  /** null: none. */
  readonly subresource?: string | null;
  readonly namespace?: string;
  readonly name?: string;
  /** Tested against path and query. */
  readonly path?: RegExp;
}

const VERB_OF_METHOD: Readonly<Record<string, KubeVerb>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

export function parseKubeRequest(method: string, path: string): KubeRequest {
  const url = new URL(path, 'https://apiserver');
  const [root, ...rest] = url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent);
  const group = root === 'api' ? '' : root === 'apis' ? rest.shift() : undefined;
  rest.shift(); // the version
  if (group === undefined || rest.length === 0) return { verb: 'other', path };
  // "namespaces/NS/pods" is pods in NS; "namespaces/NS", also with a subresource, is the namespace itself.
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
  const namespace = inNamespace ? rest[1] : undefined;
  const [resource = '', name, subresource] = inNamespace ? rest.slice(2) : rest;
  const watch = ['1', 'true'].includes(url.searchParams.get('watch') ?? '');
  return {
    verb: verbOf(method, { named: name !== undefined, watch }),
    path,
    group,
    resource,
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

export function matchesRequest(request: KubeRequest, match: KubeRequestMatch): boolean {
  const { verb, path, subresource, ...same } = match;
  if (verb !== undefined && ![verb].flat().includes(request.verb)) return false;
  if (path !== undefined && !path.test(request.path)) return false;
  if (subresource !== undefined && (request.subresource ?? null) !== subresource) return false;
  return Object.entries(same).every(
    ([field, wanted]) => wanted === undefined || request[field as keyof typeof same] === wanted,
  );
}

function verbOf(method: string, { named, watch }: { readonly named: boolean; readonly watch: boolean }): KubeVerb {
  if (method === 'DELETE') return named ? 'delete' : 'deletecollection';
  if (method === 'GET' || method === 'HEAD') return watch ? 'watch' : named ? 'get' : 'list';
  return VERB_OF_METHOD[method] ?? 'other';
}
