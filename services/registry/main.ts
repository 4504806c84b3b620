/** The registry as a process of its own: `node services/registry/main.ts`. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { endOnSignals, Shutdown } from '#lib/shutdown.ts';
import { openStore } from '#lib/store/open-store.ts';
import { loadServices } from '#protos/load.ts';
import { type RegistryProcessConfig, readConfig } from './config.ts';
import { start } from './start.ts';

const EXPECTED_ERRORS = ['ListenError', 'StoreFolderError', 'ServiceError'];

try {
  await run(readConfig(process.env));
} catch (error) {
  const isExpected = error instanceof Error && (error instanceof ConfigError || EXPECTED_ERRORS.includes(error.name));
  process.stderr.write(`mcp2 registry: ${isExpected ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}

async function run(config: RegistryProcessConfig): Promise<void> {
  const service = 'registry';
  const log = createLogger({ service, level: config.logLevel });
  const metrics = createMetrics({ service });
  const etcd = config.store.kind === 'etcd' ? config.store.tls : undefined;
  const { tls } = config.registry;
  observeCertificateExpiry(metrics, [tls?.certificateFile, tls?.clientCaFile, etcd?.caFile, etcd?.certificateFile]);
  const shared = { clock: systemClock, random: Math.random };
  const store = await openStore(config.store, { ...shared, log });
  const registry = await start(config.registry, {
    ...shared,
    store,
    randomBytes,
    log,
    metrics,
    protos: loadServices(),
  });
  const steps = [
    { name: 'drain', run: (remainingMs: number) => registry.stop(remainingMs) },
    { name: 'store', run: () => store.close() },
  ];
  endOnSignals(process, new Shutdown({ steps, clock: systemClock, log, exit: (code) => process.exit(code) }), log);
  await registry.ready;
  log.info({ port: registry.port }, 'the registry serves');
}
