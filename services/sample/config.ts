/** Settings of the sample server: the common ones, and its own, which begin with MCP2_SAMPLE_. */
import { isReservedServerName, isServerName } from '#lib/capability/name.ts';
import { readOpsListen, readServerTls, readTrust, type TrustSettings } from '#lib/config/common-settings.ts';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import type { ServerTlsFiles } from '#lib/config/tls-files.ts';
import { LOG_LEVELS, type LogLevel } from '#lib/observe/logger.ts';

export interface SampleConfig {
  /** host:port of the gRPC server. MCP2_LISTEN; default "0.0.0.0:50061". */
  readonly listen: string;
  /** host:port of /livez, /readyz and /metrics. MCP2_OPS_LISTEN; absent, there is none. */
  readonly opsListen: string | undefined;
  /** The audience that tokens must name. MCP2_SAMPLE_SERVER_NAME; default "InventoryDB_Primary". */
  readonly serverName: string;
  readonly trust: TrustSettings;
  /** Absent, the server speaks plaintext. */
  readonly tls: ServerTlsFiles | undefined;
  /** MCP2_LOG_LEVEL; default "info". */
  readonly logLevel: LogLevel;
}

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): SampleConfig {
  const read = new EnvReader(env);
  const config: SampleConfig = {
    listen: read.hostPort('MCP2_LISTEN', { fallback: '0.0.0.0:50061' }),
    opsListen: readOpsListen(read),
    serverName: readServerName(read),
    trust: readTrust(read),
    tls: readServerTls(read),
    logLevel: read.oneOf('MCP2_LOG_LEVEL', LOG_LEVELS, { fallback: 'info' }),
  };
  read.check();
  return Object.freeze(config);
}

function readServerName(read: EnvReader): string {
  const name = read.string('MCP2_SAMPLE_SERVER_NAME', { fallback: 'InventoryDB_Primary' });
  if (!isServerName(name) || isReservedServerName(name)) {
    read.problem('MCP2_SAMPLE_SERVER_NAME must be a server name such as InventoryDB_Primary');
  }
  return name;
}
