/**
 * Starts the sample server: a small MCP 2.0 server that really answers, for trying out, for the chart's test and for
 * whoever wants to see what a server has to do. `main.ts` and `mcp2 up` share this.
 */
import { implement } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import { type RunningService, type ServiceRuntime, startService } from '#lib/service/start-service.ts';
import type { Services } from '#protos/load.ts';
import { createCard } from './card.ts';
import type { SampleConfig } from './config.ts';
import { createGetCard } from './get-card.ts';
import { createInvokeTool } from './invoke-tool.ts';
import { createRequestContext } from './request-context.ts';

export interface SampleDependencies extends ServiceRuntime {
  readonly protos: Pick<Services, 'ContextTool' | 'ServiceInfo'>;
}

/** The version that the card names: of what the sample offers, not of the product. */
export const SAMPLE_VERSION = '1.0.0';

/** @throws ListenError, or ConfigError for a file of keys or TLS that cannot be used. */
export function start(settings: SampleConfig, { protos, ...runtime }: SampleDependencies): Promise<RunningService> {
  const { serverName } = settings;
  const card = createCard(serverName, SAMPLE_VERSION);
  const log = runtime.log.child({ server: serverName });
  const requestContext = unary(createRequestContext({ clock: runtime.clock }));
  const services = [
    implement(protos.ServiceInfo, { GetCard: unary(createGetCard({ serverName, card })) }),
    implement(protos.ContextTool, { RequestContext: requestContext, InvokeTool: unary(createInvokeTool({ card })) }),
  ];
  return startService(
    { ...runtime, log },
    { name: 'sample server', serverName, settings, serve: () => ({ services }) },
  );
}
