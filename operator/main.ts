/** The operator's process: settings from the environment, signals, exit codes (3 = another operator leads). */
import { readFileSync } from 'node:fs';
import { systemClock } from '#lib/clock.ts';
import { connectKube } from '#lib/kube/connect.ts';
import { createDial } from '#lib/net/dial.ts';
import { createDnsLookup, readResolverSettings } from '#lib/net/name-lookup.ts';
import { observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { endOnSignals, Shutdown } from '#lib/shutdown.ts';
import { connectEtcd } from '#lib/store/etcd/connect-files.ts';
import { loadServices } from '#protos/load.ts';
import { readOperatorConfig } from './config.ts';
import { start } from './start.ts';

const EXIT_REPLACED = 3;

async function main(): Promise<void> {
  const config = readOperatorConfig(process.env);
  const log = createLogger({ service: 'operator', level: config.logLevel });
  const metrics = createMetrics({ service: 'operator' });
  const { caFile, clientCertificateFile, etcd } = config;
  observeCertificateExpiry(metrics, [caFile, clientCertificateFile, etcd.tls?.caFile, etcd.tls?.certificateFile]);
  const store = await connectEtcd(etcd, { clock: systemClock, random: Math.random, log });
  const operator = await start(config, {
    connection: await connectKube(config.kube, systemClock),
    store,
    services: loadServices(),
    dial: createDial({ allowLoopback: false, lookup: createDnsLookup(readResolverSettings('/etc/resolv.conf')) }),
    definition: readFileSync(new URL('../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8'),
    clock: systemClock,
    random: Math.random,
    log,
    metrics,
  });
  const shutdown = new Shutdown({
    steps: [
      { name: 'operator', run: () => operator.stop() },
      { name: 'store', run: () => store.close() },
    ],
    clock: systemClock,
    log,
    exit: (code) => process.exit(code),
  });
  endOnSignals(process, shutdown, log);
  await operator.ended;
  log.fatal({}, 'this process no longer leads and ends at once');
  process.exit(EXIT_REPLACED);
}

main().catch((error: unknown) => {
  process.stderr.write(`mcp2 operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
