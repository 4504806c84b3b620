/** Settings of the tasks that look after the bundled etcd, which begin with MCP2_MEMBER_ and MCP2_SNAPSHOT_. */
import { type EtcdSettings, readEtcd } from '#lib/config/common-settings.ts';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import type { LogLevel } from '#lib/observe/logger.ts';
import { readLogLevel } from '#lib/service/settings.ts';
import type { Peer } from './plan-join.ts';

export type EtcdTaskConfig = { readonly logLevel: LogLevel } & (
  | ({ readonly task: 'join' } & JoinConfig)
  | { readonly task: 'prune'; readonly folder: string; readonly keep: number }
);

export interface JoinConfig {
  readonly self: Peer;
  readonly wanted: readonly Peer[];
  readonly dataFolder: string;
  /** YAML with etcd's own names. */
  readonly baseFile: string;
  readonly configFile: string;
  /** Of all members, this one included. */
  readonly etcd: EtcdSettings;
  readonly silenceMs: number;
  readonly timeoutMs: number;
}

const TASKS = ['join', 'prune'] as const;

/** @throws ConfigError naming every problem. */
export function readEtcdTaskConfig(task: string | undefined, env: Environment): EtcdTaskConfig {
  const read = new EnvReader(env);
  const known = TASKS.find((name) => name === task);
  if (known === undefined) read.problem(`the first argument must be ${TASKS.join(' or ')}`);
  const logLevel = readLogLevel(read);
  const config: EtcdTaskConfig =
    known === 'prune'
      ? {
          task: known,
          logLevel,
          folder: read.required('MCP2_SNAPSHOT_FOLDER'),
          keep: read.integer('MCP2_SNAPSHOT_KEEP', { fallback: 28, min: 1, max: 10_000 }),
        }
      : { task: 'join', logLevel, ...readJoin(read) };
  read.check();
  return Object.freeze(config);
}

function readJoin(read: EnvReader): JoinConfig {
  const name = read.required('MCP2_MEMBER_NAME');
  const wanted = readPeers(read);
  const self = wanted.find((peer) => peer.name === name);
  if (self === undefined && wanted.length > 0) read.problem('MCP2_MEMBER_CLUSTER must hold MCP2_MEMBER_NAME');
  const etcd = readEtcd(read);
  if (etcd === undefined) read.problem('MCP2_ETCD_ENDPOINTS must list all members');
  return {
    self: self ?? { name, url: '' },
    wanted,
    dataFolder: read.required('MCP2_MEMBER_DATA_FOLDER'),
    baseFile: read.requiredFile('MCP2_MEMBER_BASE_FILE'),
    configFile: read.required('MCP2_MEMBER_CONFIG_FILE'),
    etcd: etcd ?? { endpoints: [], tls: undefined },
    silenceMs: read.durationMs('MCP2_MEMBER_SILENCE', { fallback: 10_000, min: 0, max: 300_000 }),
    timeoutMs: read.durationMs('MCP2_MEMBER_TIMEOUT', { fallback: 300_000, min: 1_000, max: 3_600_000 }),
  };
}

function readPeers(read: EnvReader): readonly Peer[] {
  const entries = read.list('MCP2_MEMBER_CLUSTER', { fallback: [] });
  const peers = entries.flatMap((entry) => {
    const [, name, url] = /^([^=]+)=(https?:\/\/[^/,]+:\d+)$/.exec(entry) ?? [];
    return name === undefined || url === undefined ? [] : [{ name, url }];
  });
  if (peers.length === 0 || peers.length < entries.length) {
    read.problem(
      'MCP2_MEMBER_CLUSTER must look like etcd-0=https://etcd-0.peers:2380,etcd-1=https://etcd-1.peers:2380',
    );
  }
  return peers;
}
