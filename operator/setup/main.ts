/** The setup jobs' process: `node operator/setup/main.ts prepare|store|rotate|uninstall`. */
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { connectKube } from '#lib/kube/connect.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { readSetupConfig } from './config.ts';
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
  const connection = await connectKube(config.kube, systemClock);
  const isDone = await runTask(task, config, { connection, clock: systemClock, random: Math.random, log });
  process.exit(isDone ? 0 : 1);
}
