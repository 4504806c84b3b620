/**
 * The Mcp2Server that stands for a server of a configuration file, as somebody would have written it for a process of their
 * own: so there is one way to Discovery, with the same handshake.
 */
import { formatHostPort, parseHostPort } from '#lib/net/listen-address.ts';
import { API_VERSION, KIND, type Mcp2Server, type ParseMcp2Server } from '../../../operator/server/resource.ts';

export interface DerivedFrom {
  readonly serverName: string;
  /** host:port that it listens on. */
  readonly listen: string;
  /** The name of its file. */
  readonly file: string;
}

const ALL_INTERFACES: readonly string[] = ['0.0.0.0', '::'];
/** It runs in this process and is asked often: that it went is known soon. */
const PROBE = { intervalSeconds: 5, timeoutSeconds: 2, failureThreshold: 1, successThreshold: 1 };

/** @throws Error for what no Mcp2Server can say; a configuration that was read has nothing of the kind */
export function deriveServer({ serverName, listen, file }: DerivedFrom, parse: ParseMcp2Server): Mcp2Server {
  const resource = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: resourceName(serverName), annotations: { 'mcp2.dev/configuration': file } },
    spec: {
      serverName,
      source: { address: `grpc://${dialled(listen)}` },
      tls: { mode: 'Disabled' },
      capabilityMode: 'Discovered',
      readiness: { minReadySeconds: 0, probe: PROBE },
    },
  };
  const parsed = parse(resource, { allowLoopback: true });
  if (parsed.ok) return parsed.ok;
  throw new Error(`no Mcp2Server can be made of ${file}: ${parsed.problems.map(({ message }) => message).join('; ')}`);
}

/** "InventoryDB_Primary" is inventorydb-primary: names of resources are those of DNS (RFC 1123 Section 2.1). */
function resourceName(serverName: string): string {
  return serverName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');
}

function dialled(listen: string): string {
  const address = parseHostPort(listen);
  if (address === undefined || !ALL_INTERFACES.includes(address.host)) return listen;
  return formatHostPort({ ...address, host: '127.0.0.1' });
}
