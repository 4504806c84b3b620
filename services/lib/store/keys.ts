/**
 * Where each record lives. Every variable part is a checked name or a hash, so no input can contain "/".
 *
 * Server names are unique under ASCII case folding: the key is folded, the record keeps the spelling.
 *
 * The configured prefix is Discovery's root. What other services keep has a root of its own beside it (`familyRoot`).
 */

export const DEFAULT_PREFIX = '/mcp2/v1/';

export interface Keys {
  /** Everything of Discovery. One watch of it delivers server and instance records in the order in which they were written. */
  readonly root: string;
  /** All server records. */
  readonly servers: string;
  /** All endpoints of servers that registered themselves. */
  readonly instances: string;
  server(serverName: string): string;
  instancesOf(serverName: string): string;
  instance(serverName: string, instanceId: string): string;
  /** The operator's write fence (one an installation). */
  epoch(installationId: string): string;
}

/**
 * The root of another family of keys beside Discovery's, for example "/mcp2/v1.token/" beside "/mcp2/v1/". Neither is a
 * prefix of the other, so rights and watches of one never reach into the other.
 *
 * @param prefix Of the store, as `createKeys` takes it. @param family Lower-case letters.
 */
export function familyRoot(prefix: string, family: string): string {
  if (!/^[a-z]{1,32}$/.test(family))
    throw new Error(`a family of keys is named by lower-case letters, not "${family}"`);
  return `${createKeys(prefix).root.slice(0, -1)}.${family}/`;
}

/** @throws Error when the prefix is not `/…/` of plain path segments. */
export function createKeys(prefix: string = DEFAULT_PREFIX): Keys {
  if (!/^\/([A-Za-z0-9_.-]+\/)+$/.test(prefix)) {
    throw new Error(
      `store prefix "${prefix}" must look like "/mcp2/v1/": segments of letters, digits, "_", "." or "-"`,
    );
  }
  const servers = `${prefix}servers/`;
  const instances = `${prefix}instances/`;
  const instancesOf = (serverName: string) => `${instances}${pathPart(serverName)}/`;
  return Object.freeze({
    root: prefix,
    servers,
    instances,
    server: (serverName: string) => `${servers}${pathPart(serverName)}`,
    instancesOf,
    instance: (serverName: string, instanceId: string) => `${instancesOf(serverName)}${pathPart(instanceId)}`,
    epoch: (installationId: string) => `${prefix}operators/${pathPart(installationId)}/epoch`,
  });
}

/** A variable part of a key. @throws Error when it could contain a "/". */
export function pathPart(text: string): string {
  if (!/^[A-Za-z0-9_.@=+~-]{1,128}$/.test(text)) throw new Error('a store key part must be a checked name');
  return text.toLowerCase();
}
