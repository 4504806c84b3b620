/** The settings that every service has. Its own config.ts adds only what is its own. */
import { readOpsListen, readServerTls, readTrust, type TrustSettings } from '../config/common-settings.ts';
import type { EnvReader } from '../config/env-reader.ts';
import type { ServerTlsFiles } from '../config/tls-files.ts';
import { LOG_LEVELS, type LogLevel } from '../observe/logger.ts';

export interface ServiceSettings {
  /** host:port of the gRPC server. MCP2_LISTEN. */
  readonly listen: string;
  /** host:port of /livez, /readyz and /metrics. MCP2_OPS_LISTEN; absent, there is none. */
  readonly opsListen: string | undefined;
  readonly trust: TrustSettings;
  /** Absent, the server speaks plaintext. */
  readonly tls: ServerTlsFiles | undefined;
  /** MCP2_LOG_LEVEL; default "info". */
  readonly logLevel: LogLevel;
}

/** @param fallback What the service has when nothing is set: services on one machine have different ports. */
export function readServiceSettings(read: EnvReader, fallback: { readonly listen: string }): ServiceSettings {
  return {
    listen: read.hostPort('MCP2_LISTEN', { fallback: fallback.listen }),
    opsListen: readOpsListen(read),
    trust: readTrust(read),
    tls: readServerTls(read),
    logLevel: readLogLevel(read),
  };
}

/** MCP2_LOG_LEVEL, which jobs have too. */
export function readLogLevel(read: EnvReader): LogLevel {
  return read.oneOf('MCP2_LOG_LEVEL', LOG_LEVELS, { fallback: 'info' });
}
