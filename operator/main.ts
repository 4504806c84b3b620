/** The operator's process: settings from the environment, signals, exit codes (3 = another operator leads). */
import { readFileSync } from 'node:fs';
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetricsRegistry } from '#lib/observe/metrics.ts';
import { endOnSignals, Shutdown } from '#lib/shutdown.ts';
import { connectEtcd } from '#lib/store/etcd-files.ts';
import { loadServices } from '#protos/load.ts';
import { type OperatorConfig, readOperatorConfig } from './config.ts';
import { createDial } from './dial.ts';
import { type KubeConnection, readInClusterConnection } from './kube/credentials.ts';
import { readKubeconfigConnection } from './kube/kubeconfig.ts';
import { createDnsLookup, readResolverSettings } from './name-lookup.ts';
import { start } from './start.ts';

const EXIT_REPLACED = 3;

async function main(): Promise<void> {
  const config = readOperatorConfig(process.env);
  const log = createLogger({ service: 'operator', level: config.logLevel });
  const registry = createMetricsRegistry({ service: 'operator' });
  const { caFile, clientCertificateFile, etcd } = config;
  observeCertificateExpiry(registry, [caFile, clientCertificateFile, etcd.tls?.caFile, etcd.tls?.certificateFile]);
  const store = await connectEtcd(etcd, { clock: systemClock, random: Math.random, log });
  const operator = await start(config, {
    connection: await connect(config),
    store,
    services: loadServices(),
    dial: createDial({ allowLoopback: false, lookup: createDnsLookup(readResolverSettings('/etc/resolv.conf')) }),
    definition: readFileSync(new URL('../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8'),
    clock: systemClock,
    random: Math.random,
    log,
    registry,
  });
  const shutdown = new Shutdown({
    steps: [
      { name: 'operator', run: () => operator.stop() },
      { name: 'store', run: () => store.close() },
    ],
    monotonicMs: () => systemClock.monotonicMs(),
    log,
    exit: (code) => process.exit(code),
  });
  endOnSignals(process, shutdown, log);
  await operator.ended;
  log.fatal({}, 'this process no longer leads and ends at once');
  process.exit(EXIT_REPLACED);
}

async function connect({
  kubeconfigFile,
  kubernetesHost: host,
  kubernetesPort: port,
}: OperatorConfig): Promise<KubeConnection> {
  if (kubeconfigFile !== undefined) return readKubeconfigConnection({ file: kubeconfigFile, clock: systemClock });
  const inCluster = await readInClusterConnection({ host, port, clock: systemClock });
  if (inCluster) return inCluster;
  throw new ConfigError(['MCP2_OPERATOR_KUBECONFIG is required outside a cluster: the path of a kubeconfig file']);
}

main().catch((error: unknown) => {
  process.stderr.write(`mcp2 operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
