/** Starts the price feed. */
import { implement } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import type { ServiceSettings } from '#lib/service/settings.ts';
import { type RunningService, type ServiceRuntime, startService } from '#lib/service/start-service.ts';
import type { Services } from '#protos/load.ts';
import { createQuote } from './quote.ts';

export interface PriceFeedDependencies extends ServiceRuntime {
  readonly protos: Pick<Services, 'PriceFeed'>;
}

export function start(
  settings: ServiceSettings,
  { protos, ...runtime }: PriceFeedDependencies,
): Promise<RunningService> {
  const services = [implement(protos.PriceFeed, { Quote: unary(createQuote()) })];
  return startService(runtime, { name: 'price feed', serverName: 'PriceFeed', settings, serve: () => ({ services }) });
}
