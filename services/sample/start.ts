/**
 * Starts the sample server: a small MCP 2.0 server that really answers, for trying out, for the chart's test and for
 * whoever wants to see what a server has to do. `main.ts` and `mcp2 up` share this.
 */
import type { ServerCredentials } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { ServerTlsFiles } from '#lib/config/tls-files.ts';
import { plaintextServer, tlsServer } from '#lib/grpc/credentials.ts';
import { implement, type ServiceEntry } from '#lib/grpc/method.ts';
import { createServer } from '#lib/grpc/serve.ts';
import { unary } from '#lib/grpc/unary.ts';
import type { Logger } from '#lib/logger.ts';
import { createAuthenticate } from '#lib/middleware/authenticate.ts';
import { createGuards } from '#lib/middleware/guard.ts';
import { createTrustedVerifier } from '#lib/middleware/trusted-issuer.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { type OpsServer, startOpsServer } from '#lib/observe/ops-server.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import type { Services } from '#protos/load.ts';
import { createCard } from './card.ts';
import type { SampleConfig } from './config.ts';
import { createGetCard } from './get-card.ts';
import { createInvokeTool } from './invoke-tool.ts';
import { createRequestContext } from './request-context.ts';

export interface SampleDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where calls are counted. */
  readonly metrics: Registry;
  readonly protos: Pick<Services, 'ContextTool' | 'ServiceInfo'>;
}

export interface RunningSample {
  readonly port: number;
  /** Undefined when the configuration names none. */
  readonly opsPort: number | undefined;
  /** Lets running calls finish, for at most `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** The version that the card names: of what the sample offers, not of the product. */
export const SAMPLE_VERSION = '1.0.0';

/** @throws ListenError, or the error of a key set or TLS file that cannot be read. */
export async function start(config: SampleConfig, dependencies: SampleDependencies): Promise<RunningSample> {
  const { clock, log, metrics } = dependencies;
  const tls = await credentialsOf(config.tls, dependencies);
  const verifier = await createTrustedVerifier(config.trust, { clock, log, revocations: noRevocations });
  const services = servicesOf(config, dependencies);
  const guards = createGuards({
    serverName: config.serverName,
    authenticate: createAuthenticate(verifier),
    revocations: noRevocations,
  });
  const server = createServer({ services, guards, credentials: tls.credentials, clock, log, metrics });
  const port = await server.listen(config.listen);
  const ops = await startOps(config, dependencies);
  log.info({ port, opsPort: ops?.port, server: config.serverName }, 'the sample server answers');
  return {
    port,
    opsPort: ops?.port,
    async stop(timeoutMs) {
      await server.drain(timeoutMs);
      await ops?.close();
      tls.close();
    },
  };
}

function servicesOf({ serverName }: SampleConfig, { clock, protos }: SampleDependencies): readonly ServiceEntry[] {
  const card = createCard(serverName, SAMPLE_VERSION);
  return [
    implement(protos.ServiceInfo, { GetCard: unary(createGetCard({ serverName, card })) }),
    implement(protos.ContextTool, {
      RequestContext: unary(createRequestContext({ clock })),
      InvokeTool: unary(createInvokeTool({ card })),
    }),
  ];
}

interface Credentials {
  readonly credentials: ServerCredentials;
  close(): void;
}

async function credentialsOf(
  tls: ServerTlsFiles | undefined,
  { clock, log }: SampleDependencies,
): Promise<Credentials> {
  return tls === undefined ? { credentials: plaintextServer(), close() {} } : tlsServer(tls, { clock, log });
}

async function startOps({ opsListen }: SampleConfig, dependencies: SampleDependencies): Promise<OpsServer | undefined> {
  const address = opsListen === undefined ? undefined : parseHostPort(opsListen);
  if (address === undefined) return undefined;
  return startOpsServer({ address, metrics: dependencies.metrics, readiness: {}, log: dependencies.log });
}
