/** The check that `helm test` runs, as a process: exit code 0 when all of it came to pass. */
import { readFileSync } from 'node:fs';
import { systemClock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { createClient } from '#lib/grpc/client.ts';
import { tlsClient } from '#lib/grpc/credentials.ts';
import { createKubeApi } from '#lib/kube/api.ts';
import { connectKube } from '#lib/kube/connect.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { mintToken } from '#lib/token/mint.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';
import { loadServices } from '#protos/load.ts';
import { CheckFailed, runCheck } from './check.ts';
import { type CheckConfig, readCheckConfig } from './config.ts';

const LOOKUP_DEADLINE_MS = 10_000;
const TOKEN_TTL_SECONDS = 120;

try {
  await main(readCheckConfig(process.env));
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof CheckFailed;
  process.stderr.write(`mcp2 check: ${isExpected ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}

async function main(config: CheckConfig): Promise<void> {
  const log = createLogger({ service: 'check', level: config.logLevel });
  const shared = { clock: systemClock, random: Math.random };
  const key = await importSigningKey(JSON.parse(readFileSync(config.signingKeyFile, 'utf8')));
  const tls = await tlsClient({ caFile: config.caFile }, { clock: systemClock, log });
  const options = { credentials: tls.credentials, deadlineMs: LOOKUP_DEADLINE_MS, idempotent: ['Lookup'] as const };
  const discovery = createClient(loadServices().Discovery, config.registry, options);
  const api = createKubeApi({
    ...shared,
    connection: await connectKube(config.kube, systemClock),
    userAgent: 'mcp2-check',
  });
  const claims = {
    iss: config.issuer,
    sub: `${config.namespace}.${config.name}`,
    aud: [config.serverName],
    capabilities: ['registry:lookup'],
    ttlSeconds: TOKEN_TTL_SECONDS,
  };
  await runCheck(config, { api, discovery, mint: () => mintToken(key, claims, shared), clock: systemClock, log });
  process.exit(0);
}
