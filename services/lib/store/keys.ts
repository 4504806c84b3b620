/**
 * Where each record lives. Every variable part is a checked name or a hash, so no input can contain "/".
 *
 * Server names are unique under ASCII case folding: the key is folded, the record keeps the spelling.
 */

export const DEFAULT_PREFIX = '/mcp2/v1/';

export interface Keys {
  /** Everything. One watch of it delivers server and instance records in the order in which they were written. */
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

function pathPart(text: string): string {
  if (!/^[A-Za-z0-9_.@=+~-]{1,128}$/.test(text)) throw new Error('a store key part must be a checked name');
  return text.toLowerCase();
}
