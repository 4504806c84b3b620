/** The setup jobs' process: `node operator/setup/main.ts prepare|store|rotate|uninstall`. */
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { type KubeConnection, readInClusterConnection } from '../kube/credentials.ts';
import { readKubeconfigConnection } from '../kube/kubeconfig.ts';
import { readSetupConfig, type SetupConfig } from './config.ts';
import { runTask } from './run-task.ts';

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`mcp2 setup: ${error.message}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { task, ...config } = readSetupConfig(process.argv[2], process.env);
  const log = createLogger({ service: 'setup', level: config.logLevel });
  const connection = await connect(config);
  const isDone = await runTask(task, config, { connection, clock: systemClock, random: Math.random, log });
  process.exit(isDone ? 0 : 1);
}

async function connect(config: SetupConfig): Promise<KubeConnection> {
  const { kubeconfigFile: file, kubernetesHost: host, kubernetesPort: port } = config;
  if (file !== undefined) return readKubeconfigConnection({ file, clock: systemClock });
  const inCluster = await readInClusterConnection({ host, port, clock: systemClock });
  if (inCluster !== undefined) return inCluster;
  throw new ConfigError(['MCP2_SETUP_KUBECONFIG is required outside a cluster: the path of a kubeconfig file']);
}
