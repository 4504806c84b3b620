/**
 * A whole collection, read in pages of one consistent state.
 *
 * Paging keeps memory and the event loop's pauses small (one unpaged list of 50,000 objects parses for half a
 * second). All pages of one list are of the same resource version, the first page's.
 */

import type { KubeApi, ListPage, Selection } from './api.ts';
import { isGone } from './api-error.ts';
import type { CallOptions } from './call.ts';
import { type KubeObject, keyOf, type ResourceType } from './object.ts';

export interface ListAllOptions<T> extends Selection {
  readonly resource: ResourceType;
  readonly pageSize: number;
  /** Applied to each object as it arrives, so that what it drops is never kept. */
  readonly transform: (object: T) => T;
  readonly call: CallOptions;
}

export interface WholeList<T> {
  readonly objects: ReadonlyMap<string, T>;
  readonly resourceVersion: string;
}

/**
 * @throws KubeApiError. When the server has compacted what the next page would need (410), the list is read once
 *   more in one piece: pages would only run into the same.
 */
export async function listAll<T extends KubeObject>(
  api: Pick<KubeApi, 'list'>,
  options: ListAllOptions<T>,
): Promise<WholeList<T>> {
  const objects = new Map<string, T>();
  let page = await readPage(api, options, { limit: options.pageSize });
  const { resourceVersion } = page;
  keep(objects, page, options);
  while (page.continueToken !== undefined) {
    try {
      page = await readPage(api, options, { limit: options.pageSize, continueToken: page.continueToken });
    } catch (error) {
      if (isGone(error)) return listUnpaged(api, options);
      throw error;
    }
    keep(objects, page, options);
  }
  return { objects, resourceVersion };
}

async function listUnpaged<T extends KubeObject>(
  api: Pick<KubeApi, 'list'>,
  options: ListAllOptions<T>,
): Promise<WholeList<T>> {
  const objects = new Map<string, T>();
  const page = await readPage(api, options, {});
  keep(objects, page, options);
  return { objects, resourceVersion: page.resourceVersion };
}

function readPage<T extends KubeObject>(
  api: Pick<KubeApi, 'list'>,
  { resource, namespace, labelSelector, fieldSelector, call }: ListAllOptions<T>,
  page: { readonly limit?: number; readonly continueToken?: string },
): Promise<ListPage<T>> {
  return api.list<T>(resource, { namespace, labelSelector, fieldSelector, ...page }, call);
}

function keep<T extends KubeObject>(
  objects: Map<string, T>,
  page: ListPage<T>,
  { transform }: ListAllOptions<T>,
): void {
  for (const object of page.items) objects.set(keyOf(object), transform(object));
}
