/** The sample server as a process of its own: `node services/sample/main.ts`. */
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { endOnSignals, Shutdown } from '#lib/shutdown.ts';
import { loadServices } from '#protos/load.ts';
import { readConfig, type SampleConfig } from './config.ts';
import { start } from './start.ts';

try {
  await run(readConfig(process.env));
} catch (error) {
  const isExpected = error instanceof Error && (error instanceof ConfigError || error.name === 'ListenError');
  process.stderr.write(`mcp2 sample: ${isExpected ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}

async function run(config: SampleConfig): Promise<void> {
  const service = 'sample';
  const log = createLogger({ service, level: config.logLevel });
  const metrics = createMetrics({ service });
  observeCertificateExpiry(metrics, [config.tls?.certificateFile, config.tls?.clientCaFile]);
  const sample = await start(config, { clock: systemClock, log, metrics, protos: loadServices() });
  const steps = [{ name: 'drain', run: (remainingMs: number) => sample.stop(remainingMs) }];
  endOnSignals(process, new Shutdown({ steps, clock: systemClock, log, exit: (code) => process.exit(code) }), log);
}
