/** Settings of the sample server, from variables that begin with MCP2_SAMPLE_. */
import { isReservedServerName, isServerName } from '#lib/capability/name.ts';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { LOG_LEVELS, type LogLevel } from '#lib/observe/logger.ts';

export interface SampleConfig {
  /** host:port of the gRPC server. MCP2_SAMPLE_LISTEN; default "0.0.0.0:50061". */
  readonly listen: string;
  /** host:port of /livez, /readyz and /metrics. MCP2_SAMPLE_OPS_LISTEN; absent, there is none. */
  readonly opsListen: string | undefined;
  /** The audience that tokens must name. MCP2_SAMPLE_SERVER_NAME; default "InventoryDB_Primary". */
  readonly serverName: string;
  /** Public keys of the issuer; read again when it changes. MCP2_SAMPLE_JWKS_FILE. */
  readonly jwksFile: string;
  /** The `iss` that is trusted. MCP2_SAMPLE_ISSUER. */
  readonly issuer: string;
  /** MCP2_SAMPLE_TLS_CERT_FILE, _KEY_FILE and, for mTLS, _CLIENT_CA_FILE; absent, the server speaks plaintext. */
  readonly tls: SampleTls | undefined;
  /** MCP2_LOG_LEVEL; default "info". */
  readonly logLevel: LogLevel;
}

export interface SampleTls {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): SampleConfig {
  const read = new EnvReader(env);
  const config: SampleConfig = {
    listen: read.hostPort('MCP2_SAMPLE_LISTEN', { fallback: '0.0.0.0:50061' }),
    opsListen: readOpsListen(read),
    serverName: readServerName(read),
    jwksFile: read.requiredFile('MCP2_SAMPLE_JWKS_FILE'),
    issuer: read.required('MCP2_SAMPLE_ISSUER'),
    tls: readTls(read),
    logLevel: read.oneOf('MCP2_LOG_LEVEL', LOG_LEVELS, { fallback: 'info' }),
  };
  read.check();
  return Object.freeze(config);
}

function readOpsListen(read: EnvReader): string | undefined {
  const name = 'MCP2_SAMPLE_OPS_LISTEN';
  return read.optional(name) === undefined ? undefined : read.hostPort(name);
}

function readServerName(read: EnvReader): string {
  const name = read.string('MCP2_SAMPLE_SERVER_NAME', { fallback: 'InventoryDB_Primary' });
  if (!isServerName(name) || isReservedServerName(name)) {
    read.problem('MCP2_SAMPLE_SERVER_NAME must be a server name such as InventoryDB_Primary');
  }
  return name;
}

function readTls(read: EnvReader): SampleTls | undefined {
  const certificateFile = read.file('MCP2_SAMPLE_TLS_CERT_FILE');
  const keyFile = read.file('MCP2_SAMPLE_TLS_KEY_FILE');
  const clientCaFile = read.file('MCP2_SAMPLE_TLS_CLIENT_CA_FILE');
  if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile, clientCaFile };
  if (certificateFile !== undefined || keyFile !== undefined || clientCaFile !== undefined) {
    read.problem('MCP2_SAMPLE_TLS_CERT_FILE and MCP2_SAMPLE_TLS_KEY_FILE must be set together');
  }
  return undefined;
}
