/** Settings of the check that `helm test` runs, which begin with MCP2_CHECK_, and those it shares with others. */
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { type KubeSettings, readKubeSettings } from '#lib/kube/connect.ts';
import type { LogLevel } from '#lib/observe/logger.ts';
import { readLogLevel } from '#lib/service/settings.ts';

export interface CheckConfig {
  readonly logLevel: LogLevel;
  /** host:port of the registry. */
  readonly registry: string;
  /** host:port of the event bus; undefined where there is none. */
  readonly eventBus: string | undefined;
  /** PEM: who signed their certificates. */
  readonly caFile: string;
  /** A private JWK, for the token that looks up. */
  readonly signingKeyFile: string;
  readonly issuer: string;
  readonly namespace: string;
  /** Of the Mcp2Server that is made and removed, and of the Service that it points to. */
  readonly name: string;
  /** The name under which the server behind that Service knows itself. */
  readonly serverName: string;
  /** The host name in that server's certificate. */
  readonly tlsServerName: string;
  /** Of the whole check. */
  readonly timeoutMs: number;
  /** MCP2_CHECK_KUBECONFIG, or those of a pod. */
  readonly kube: KubeSettings;
}

/** @throws ConfigError naming every problem. */
export function readCheckConfig(env: Environment): CheckConfig {
  const read = new EnvReader(env);
  const config: CheckConfig = {
    logLevel: readLogLevel(read),
    registry: read.hostPort('MCP2_CHECK_REGISTRY'),
    eventBus: readEventBus(read),
    caFile: read.requiredFile('MCP2_CA_FILE'),
    signingKeyFile: read.requiredFile('MCP2_SIGNING_KEY_FILE'),
    issuer: read.required('MCP2_ISSUER'),
    namespace: read.required('POD_NAMESPACE'),
    name: read.required('MCP2_CHECK_NAME'),
    serverName: read.required('MCP2_CHECK_SERVER_NAME'),
    tlsServerName: read.required('MCP2_CHECK_TLS_SERVER_NAME'),
    timeoutMs: read.durationMs('MCP2_CHECK_TIMEOUT', { fallback: 180_000, min: 1_000, max: 3_600_000 }),
    kube: readKubeSettings(read, 'MCP2_CHECK_KUBECONFIG'),
  };
  read.check();
  return Object.freeze(config);
}

function readEventBus(read: EnvReader): string | undefined {
  const name = 'MCP2_CHECK_EVENT_BUS';
  return read.optional(name) === undefined ? undefined : read.hostPort(name);
}
