/** Tasks that look after the bundled etcd: `node operator/etcd/main.ts join|prune`. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { systemClock } from '#lib/clock.ts';
import { type JobRuntime, runJob } from '#lib/service/run-job.ts';
import { connectEtcdMembership, type EtcdMembership } from '#lib/store/etcd/membership.ts';
import { type EtcdTaskConfig, type JoinConfig, readEtcdTaskConfig } from './config.ts';
import { prepareMember } from './join.ts';
import { pruneSnapshots } from './prune-snapshots.ts';

await runJob(process, { name: 'etcd', readConfig: (env) => readEtcdTaskConfig(process.argv[2], env), run });

async function run(config: EtcdTaskConfig, { clock, log }: JobRuntime): Promise<number> {
  if (config.task === 'prune') {
    pruneSnapshots(config, log);
    return 0;
  }
  const base = parse(readFileSync(config.baseFile, 'utf8')) as Record<string, unknown>;
  await prepareMember({ ...config, base }, { others: connectOthers(config), clock, log });
  return 0;
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
