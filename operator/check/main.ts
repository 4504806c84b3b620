/** The check that `helm test` runs, as a process: exit code 0 when all of it came to pass. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '#lib/config/env-reader.ts';
import { createKubeApi } from '#lib/kube/api.ts';
import { connectKube } from '#lib/kube/connect.ts';
import { type JobRuntime, runJob } from '#lib/service/run-job.ts';
import { mintToken } from '#lib/token/mint.ts';
import { parseSigningKey } from '#lib/token/signing-key.ts';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import { connect } from '#sdk/client/index.ts';
import { CAPABILITY, runCheck } from './check.ts';
import { type CheckConfig, readCheckConfig } from './config.ts';
import { checkEvents, EVENT_TOPIC } from './event-check.ts';

const TOKEN_TTL_SECONDS = 120;

await runJob(process, { name: 'check', readConfig: readCheckConfig, run });

async function run(config: CheckConfig, { clock, random, log }: JobRuntime): Promise<number> {
  const key = await parseSigningKey(readFileSync(config.signingKeyFile, 'utf8')).catch((error: Error) => {
    throw new ConfigError([`MCP2_SIGNING_KEY_FILE cannot be used: ${error.message}`]);
  });
  const connection = await connectKube(config.kube, clock);
  const api = createKubeApi({ connection, clock, random, userAgent: 'mcp2-check' });
  const claims = {
    iss: config.issuer,
    sub: `${config.namespace}.${config.name}`,
    aud: [config.serverName, EVENT_BUS_NAME],
    capabilities: ['registry:lookup', CAPABILITY, `event:publish:${EVENT_TOPIC}`, `event:subscribe:${EVENT_TOPIC}`],
    ttlSeconds: TOKEN_TTL_SECONDS,
  };
  const { registry, eventBus, caFile } = config;
  // Minted for each call: the check may take longer than a token lives.
  const client = await connect({ registry, eventBus, caFile, token: () => mintToken(key, claims, { clock }), log });
  await runCheck(config, { api, client, clock, log });
  if (eventBus !== undefined) await checkEvents(config, { client, clock, log });
  return 0;
}
