/**
 * The servers of standalone mode as `mcp2 get servers` and `mcp2 up` show them. The columns are the printer columns of
 * the custom resource definition; a test compares them.
 */

import type { StateFolder } from '#lib/config/state-folder.ts';
import { formatKey } from '#lib/kube/object.ts';
import { onOneLine } from '#lib/printable.ts';
import type { Condition, Mcp2Server, Mcp2ServerStatus } from '../operator/server/resource.ts';
import { type FileState, readFileState } from '../operator/source/file-state.ts';
import { CommandFailed } from './failure.ts';
import { formatTable } from './text/table.ts';
import { formatAge } from './text/time.ts';

export interface ListedServer {
  readonly namespace: string;
  readonly name: string;
  readonly serverName: string;
  readonly uid: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  /** Where it is defined, relative to the folder of files. */
  readonly file: string;
  /** As the file last defined it; undefined when it is being deleted. */
  readonly resource: Mcp2Server | undefined;
  readonly status: Mcp2ServerStatus | undefined;
  /** The condition Ready; undefined before the first visit. */
  readonly ready: Condition | undefined;
}

export const COLUMNS = ['NAME', 'READY', 'REASON', 'SERVER', 'ENDPOINTS', 'AGE'];
export const WIDE_COLUMNS = ['HANDSHAKE', 'REGISTERED', 'CAPS', 'VERSION'];

/** Sorted by namespace and name. @throws CommandFailed when the state cannot be read. */
export function listServers({ servers }: Pick<StateFolder, 'servers'>): readonly ListedServer[] {
  try {
    return toListed(readFileState(servers));
  } catch (error) {
    throw new CommandFailed((error as Error).message, { cause: error });
  }
}

/** Sorted by namespace and name. */
export function toListed(state: FileState): readonly ListedServer[] {
  return Object.entries(state)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, remembered]) => {
      const [namespace = '', name = ''] = key.split('/');
      const { uid, serverName, generation, creationTimestamp, file, resource, status } = remembered;
      const ready = conditionOf(status, 'Ready');
      return { namespace, name, serverName, uid, generation, creationTimestamp, file, resource, status, ready };
    });
}

/** What the table does not say of a server: why it is not ready, or what of its capabilities nobody can find. */
export function remarkOf({ ready, status }: Pick<ListedServer, 'ready' | 'status'>): string | undefined {
  const match = conditionOf(status, 'CapabilitiesMatch');
  const said = ready !== undefined && ready.status !== 'True' ? ready : match?.status === 'False' ? match : undefined;
  // It quotes what the server answered.
  return said === undefined ? undefined : onOneLine(said.message);
}

export interface ServerTableOptions {
  readonly wide: boolean;
  readonly nowMs: number;
}

export function formatServers(servers: readonly ListedServer[], { wide, nowMs }: ServerTableOptions): string[] {
  const rows = servers.map((server) => {
    const { status, ready } = server;
    const usual = [
      server.namespace === 'default' ? server.name : formatKey(server),
      ready?.status ?? 'Unknown',
      ready?.reason ?? 'Pending',
      status?.serverName ?? server.serverName,
      status?.endpoints?.summary,
      formatAge(nowMs - Date.parse(server.creationTimestamp)),
    ];
    const more = [
      conditionOf(status, 'HandshakeVerified')?.status,
      conditionOf(status, 'Registered')?.status,
      status?.capabilities?.advertised,
      status?.serverInfo?.version,
    ];
    return wide ? [...usual, ...more] : usual;
  });
  return formatTable(wide ? [...COLUMNS, ...WIDE_COLUMNS] : COLUMNS, rows);
}

/** In the shape of the resource in a cluster, defaults filled in. */
export function toResource(server: ListedServer): object {
  const { namespace, name, uid, generation, creationTimestamp, file, serverName, resource, status } = server;
  return {
    apiVersion: 'mcp2.dev/v1alpha1',
    kind: 'Mcp2Server',
    metadata: { namespace, name, uid, generation, creationTimestamp, annotations: { 'mcp2.dev/file': file } },
    spec: resource?.spec ?? { serverName },
    ...(status === undefined ? {} : { status }),
  };
}

function conditionOf(status: Mcp2ServerStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
