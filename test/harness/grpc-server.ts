/** A gRPC server of the product on a free port, with everything that ended and every line that was logged kept. */
import type { ChannelCredentials, ServerCredentials, ServiceDefinition } from '@grpc/grpc-js';
import { systemClock } from '#lib/clock.ts';
import type { CallEnd } from '#lib/grpc/call-context.ts';
import { createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient, plaintextServer } from '#lib/grpc/credentials.ts';
import type { Guards } from '#lib/grpc/guard.ts';
import type { ServerMiddleware, ServiceEntry } from '#lib/grpc/method.ts';
import { createServer, type GrpcServer, type ServerLimits } from '#lib/grpc/serve.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';

export interface GrpcServerOptions {
  readonly credentials?: ServerCredentials;
  readonly limits?: Partial<ServerLimits>;
  /** Default: anybody may call anything. */
  readonly guards?: Guards;
  readonly middleware?: readonly ServerMiddleware[];
  readonly onCallEnd?: (end: CallEnd) => void;
}

export interface TestGrpcServer extends AsyncDisposable {
  readonly server: GrpcServer;
  readonly port: number;
  /** host:port. */
  readonly target: string;
  /** The calls that ended, in order. */
  readonly ends: readonly CallEnd[];
  /** Levels of the lines that were logged, for example "error". */
  readonly logLevels: readonly string[];
  metrics(): Promise<string>;
  /** Closed together with the server. */
  client<Definition extends ServiceDefinition>(
    definition: Definition,
    credentials?: ChannelCredentials,
  ): ServiceClient<Definition>;
}

export async function startGrpcServer(
  services: readonly ServiceEntry[],
  {
    credentials = plaintextServer(),
    limits = {},
    guards = openToAll,
    middleware = [],
    onCallEnd,
  }: GrpcServerOptions = {},
): Promise<TestGrpcServer> {
  const ends: CallEnd[] = [];
  const logLevels: string[] = [];
  const write = (line: string) => void logLevels.push((JSON.parse(line) as { level: string }).level);
  const log = createLogger({ service: 'test', level: 'debug', stream: { write } });
  const metrics = createMetrics({ service: 'test', process: false });
  const server = createServer({
    services,
    guards,
    middleware,
    credentials,
    clock: systemClock,
    log,
    metrics,
    limits,
    onCallEnd(end) {
      ends.push(end);
      onCallEnd?.(end);
    },
  });
  const port = await server.listen('127.0.0.1:0');
  const target = `127.0.0.1:${port}`;
  const clients: { close(): void }[] = [];
  return {
    server,
    port,
    target,
    ends,
    logLevels,
    metrics: () => metrics.metrics(),
    client(definition, channelCredentials = plaintextClient()) {
      const client = createClient(definition, target, { credentials: channelCredentials });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

const openToAll: Guards = () => ({ on: 'nothing' });
