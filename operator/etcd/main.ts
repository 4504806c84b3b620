/** Tasks that look after the bundled etcd: `node operator/etcd/main.ts join|prune`. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { connectEtcdMembership, type EtcdMembership } from '#lib/store/etcd/membership.ts';
import { type JoinConfig, readEtcdTaskConfig } from './config.ts';
import { JoinFailed, prepareMember } from './join.ts';
import { pruneSnapshots } from './prune-snapshots.ts';

try {
  await main();
  process.exit(0);
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof JoinFailed;
  process.stderr.write(`mcp2 etcd: ${isExpected ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const config = readEtcdTaskConfig(process.argv[2], process.env);
  const log = createLogger({ service: 'etcd', level: config.logLevel });
  if (config.task === 'prune') {
    pruneSnapshots(config, log);
    return;
  }
  const base = parse(readFileSync(config.baseFile, 'utf8')) as Record<string, unknown>;
  await prepareMember({ ...config, base }, { others: connectOthers(config), clock: systemClock, log });
}

/** By host: the endpoints of members differ from their peer addresses in the port alone. */
function connectOthers({ self, etcd: { endpoints, tls } }: JoinConfig): EtcdMembership | undefined {
  const host = new URL(self.url).hostname;
  const others = endpoints.filter((endpoint) => new URL(endpoint).hostname !== host);
  if (others.length === 0) return undefined;
  if (tls === undefined) return connectEtcdMembership({ endpoints: others, tls: undefined, clock: systemClock });
  const { caFile, certificateFile, keyFile } = tls;
  const own =
    certificateFile === undefined || keyFile === undefined
      ? {}
      : { certificate: readFileSync(certificateFile), key: readFileSync(keyFile) };
  return connectEtcdMembership({ endpoints: others, tls: { ca: readFileSync(caFile), ...own }, clock: systemClock });
}
