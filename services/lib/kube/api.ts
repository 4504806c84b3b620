/**
 * The few calls the operator makes to the API server, as raw JSON, each with a deadline and patience.
 *
 * A call that may be repeated without harm (everything but create) is repeated on 429, 5xx and broken connections,
 * within its deadline; a Retry-After is obeyed, and one that leads beyond the deadline ends the call at once with
 * `retryAfterMs` for the caller. A watch is never repeated here: the reflector knows from where to go on.
 */
import type { Clock } from '#lib/clock.ts';
import { KubeApiError } from './api-error.ts';
import { type CallerOptions, type CallOptions, checkStatus, type RequestReport, sendCall } from './call.ts';
import type { KubeConnection } from './credentials.ts';
import {
  apiVersionOf,
  collectionPath,
  type KubeObject,
  type ObjectName,
  objectPath,
  type ResourceType,
} from './object.ts';
import { createTransport, toUnreachable } from './transport.ts';
import { readWatchEvents, type WatchEvent } from './watch-stream.ts';

export interface Selection {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListQuery extends Selection {
  readonly limit?: number | undefined;
  readonly continueToken?: string | undefined;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Present when there is more. */
  readonly continueToken: string | undefined;
}

export interface WatchQuery extends Selection {
  readonly resourceVersion: string;
  /** After which the server closes the watch cleanly. */
  readonly timeoutSeconds: number;
  /** Longest silence; bookmarks come about once a minute. */
  readonly idleTimeoutMs: number;
  /** The server accepted the watch. Must not throw. */
  readonly onOpen?: () => void;
}

export interface PatchOptions extends CallOptions {
  readonly subresource?: 'status' | 'scale';
}

export interface ApplyOptions extends PatchOptions {
  readonly fieldManager: string;
  /** Takes fields over from other managers. */
  readonly force: boolean;
}

/** Every method throws KubeApiError, or the signal's reason when it aborted. */
export interface KubeApi {
  get<T extends KubeObject>(resource: ResourceType, name: ObjectName, options?: CallOptions): Promise<T>;
  list<T extends KubeObject>(resource: ResourceType, query: ListQuery, options?: CallOptions): Promise<ListPage<T>>;
  /** Not repeated once the server may have seen it: a 409 could be our own first try. */
  create<T extends KubeObject>(resource: ResourceType, object: T, options?: CallOptions): Promise<T>;
  /** RFC 7396. With metadata.resourceVersion in the patch it is refused (409) when the object changed since. */
  mergePatch<T extends KubeObject>(
    resource: ResourceType,
    name: ObjectName,
    patch: object,
    options?: PatchOptions,
  ): Promise<T>;
  serverSideApply<T extends KubeObject>(resource: ResourceType, object: T, options: ApplyOptions): Promise<T>;
  /** @returns false when there was nothing (left) to delete. */
  delete(resource: ResourceType, name: ObjectName, options?: CallOptions): Promise<boolean>;
  /**
   * Changes after a resource version, bookmarks included; ends when the server closes the watch cleanly.
   * @throws KubeApiError for a bad status, an ERROR event, silence, a broken connection or a torn line.
   */
  watch<T extends KubeObject>(
    resource: ResourceType,
    query: WatchQuery,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** Resolves when the API server calls itself ready. */
  probe(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface KubeApiOptions {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly userAgent: string;
  /** Sockets for calls, default 32. Leader election gets an API of its own with 2, never to wait behind work. */
  readonly maxCallConnections?: number;
  /** Watches at a time, default 16. */
  readonly maxWatchConnections?: number;
  readonly onRequest?: (report: RequestReport) => void;
}

export function createKubeApi(options: KubeApiOptions): KubeApi {
  const { connection, clock, random, userAgent, onRequest } = options;
  const { maxCallConnections = 32, maxWatchConnections = 16 } = options;
  const transport = createTransport({ connection, userAgent, maxCallConnections, maxWatchConnections });
  const caller: CallerOptions = { transport, connection, clock, random, onRequest };
  return {
    ...createCalls(caller),
    watch: (resource, query, signal) => watch(caller, resource, query, signal),
    probe: async (signal) => {
      await sendCall(caller, { method: 'GET', path: '/readyz', options: { signal, maxAttempts: 1 } });
    },
    close: () => transport.close(),
  };
}

/** Time for the headers of a watch. */
const WATCH_START_MS = 30_000;
const JSON_TYPE = 'application/json';
const MERGE_PATCH_TYPE = 'application/merge-patch+json';
/** A JSON body is YAML, and older servers know only this name. */
const APPLY_TYPE = 'application/apply-patch+yaml';

function createCalls(caller: CallerOptions): Omit<KubeApi, 'watch' | 'probe' | 'close'> {
  const typed = (resource: ResourceType, object: KubeObject) => ({
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...object,
  });
  const patch = async <T>(path: string, contentType: string, body: object, options?: CallOptions): Promise<T> =>
    parse<T>(await sendCall(caller, { method: 'PATCH', path, contentType, body, options }));
  return {
    get: async (resource, name, options) =>
      parse(await sendCall(caller, { method: 'GET', path: objectPath(resource, name), options })),
    list: (resource, query, options) => list(caller, resource, query, options),
    create: async (resource, object, options) => {
      const path = collectionPath(resource, object.metadata.namespace);
      const body = typed(resource, object);
      return parse(await sendCall(caller, { method: 'POST', path, contentType: JSON_TYPE, body, options }));
    },
    mergePatch: (resource, name, body, options) =>
      patch(objectPath(resource, name, options?.subresource), MERGE_PATCH_TYPE, body, options),
    serverSideApply: (resource, object, options) => {
      const query = toQuery({ fieldManager: options.fieldManager, force: String(options.force) });
      const path = objectPath(resource, object.metadata, options.subresource);
      return patch(`${path}${query}`, APPLY_TYPE, typed(resource, object), options);
    },
    delete: async (resource, name, options) => {
      try {
        await sendCall(caller, { method: 'DELETE', path: objectPath(resource, name), options });
        return true;
      } catch (error) {
        if (error instanceof KubeApiError && error.code === 404) return false;
        throw error;
      }
    },
  };
}

async function list<T extends KubeObject>(
  caller: CallerOptions,
  resource: ResourceType,
  query: ListQuery,
  options: CallOptions | undefined,
): Promise<ListPage<T>> {
  const { namespace, labelSelector, fieldSelector, limit, continueToken } = query;
  const search = toQuery({ labelSelector, fieldSelector, limit: limit?.toString(), continue: continueToken });
  const path = `${collectionPath(resource, namespace)}${search}`;
  const body = parse<ListBody<T>>(await sendCall(caller, { method: 'GET', path, options }));
  const resourceVersion = body.metadata?.resourceVersion;
  // A list of nothing is "items": [] or null; no items at all is something else that answered 200.
  const isList = Array.isArray(body.items) || body.items === null;
  if (!isList || !resourceVersion) {
    throw new KubeApiError({ code: 0, reason: 'InvalidResponse', message: 'the answer is no list' });
  }
  return { items: body.items ?? [], resourceVersion, continueToken: body.metadata?.continue || undefined };
}

interface ListBody<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

async function* watch<T extends KubeObject>(
  { transport, connection, clock }: CallerOptions,
  resource: ResourceType,
  query: WatchQuery,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const started = new AbortController();
  const passOn = () => stop.abort(signal.reason);
  signal.addEventListener('abort', passOn, { once: true });
  clock.sleep(WATCH_START_MS, started.signal).then(
    () => stop.abort(),
    () => undefined,
  );
  try {
    const path = watchPath(resource, query);
    const { idleTimeoutMs } = query;
    const response = await transport.watch({ method: 'GET', path, signal: stop.signal, idleTimeoutMs });
    await checkStatus(response, connection);
    started.abort();
    query.onOpen?.();
    yield* readWatchEvents<T>(response.body);
  } catch (error) {
    signal.throwIfAborted();
    throw toUnreachable(error);
  } finally {
    started.abort();
    signal.removeEventListener('abort', passOn);
    stop.abort();
  }
}

function watchPath(resource: ResourceType, query: WatchQuery): string {
  const { namespace, resourceVersion, timeoutSeconds, labelSelector, fieldSelector } = query;
  const search = toQuery({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(timeoutSeconds),
    labelSelector,
    fieldSelector,
  });
  return `${collectionPath(resource, namespace)}${search}`;
}

function toQuery(parameters: Readonly<Record<string, string | undefined>>): string {
  const entries = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`;
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubeApiError({ code: 0, reason: 'InvalidResponse', message: 'the answer is no JSON', cause: error });
  }
}
