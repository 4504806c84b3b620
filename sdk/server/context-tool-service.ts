/**
 * The services ContextTool and ServiceInfo over an offer: what `createServer()` and the context-tool runtime hand to
 * `startService`. It opens nothing and ends with its last call; whoever reloads puts another offer in its place.
 */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import { implement, type ServerMiddleware } from '#lib/grpc/method.ts';
import { unary, unaryEncoded } from '#lib/grpc/unary.ts';
import { prepareSameBytes } from '#lib/middleware/same-bytes.ts';
import type { Access } from '#lib/service/access.ts';
import type { Served } from '#lib/service/start-service.ts';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import type { ToolRequest__Output } from '#protos/generated/mcp2/ToolRequest.ts';
import type { ToolResponse } from '#protos/generated/mcp2/ToolResponse.ts';
import type { Services } from '#protos/load.ts';
import { createGetCard } from './get-card.ts';
import { ToolRunner } from './invoke-tool.ts';
import { KeptAnswers } from './kept-answers.ts';
import type { Offer } from './offer.ts';
import { ContextReader } from './request-context.ts';
import { ContextCache, type Serving } from './serving.ts';
import { createServingCounts, registerServingMetrics } from './serving-metrics.ts';

export interface ContextToolDependencies {
  readonly protos: Pick<Services, 'ContextTool' | 'ServiceInfo'>;
  readonly clock: Clock;
  /** A collection of its own for each service. */
  readonly metrics: Registry;
  /** Cryptographically strong. */
  readonly randomBytes: (count: number) => Uint8Array;
}

export interface ContextToolService {
  /** The offer in force. */
  readonly offer: Offer;
  /** Counts the offers, from 1. */
  readonly generation: number;
  /** New calls get this offer from now on. @throws Error for another server's: a name is for the life of a process */
  replace(offer: Offer): void;
  /** For `startService`, once. `middleware`: inside of the guards, the first outermost; it sees cached answers too. */
  serve(access: Pick<Access, 'reauthenticate'>, middleware?: readonly ServerMiddleware[]): Served;
}

const INVOCATION_PREFIX_BYTES = 9;

/** @throws when the metrics are registered already */
export function createContextToolService(offer: Offer, dependencies: ContextToolDependencies): ContextToolService {
  const { protos, clock, metrics } = dependencies;
  const counts = createServingCounts();
  let serving: Serving = { offer, generation: 1, cache: new ContextCache() };
  const kept = new KeptAnswers({
    clock,
    onRepeat: () => {
      counts.repeats += 1;
    },
    onDropped: () => {
      counts.droppedAnswers += 1;
    },
  });
  registerServingMetrics(metrics, counts, {
    keptAnswers: () => kept.size,
    cacheBytes: () => serving.cache.byteLength,
  });
  const current = () => serving;
  const shared = { current, clock, nextInvocationId: createInvocationIds(dependencies.randomBytes) };
  return {
    get offer() {
      return serving.offer;
    },
    get generation() {
      return serving.generation;
    },
    replace,
    serve,
  };

  function replace(next: Offer): void {
    if (next.name !== serving.offer.name) throw new Error(`${serving.offer.name} cannot become ${next.name}`);
    serving = { offer: next, generation: serving.generation + 1, cache: new ContextCache() };
  }

  function serve(
    { reauthenticate }: Pick<Access, 'reauthenticate'>,
    middleware: readonly ServerMiddleware[] = [],
  ): Served {
    const { ContextTool, ServiceInfo } = protos;
    const contexts = new ContextReader({ ...shared, counts, encode: ContextTool.RequestContext.responseSerialize });
    const tools = new ToolRunner({ ...shared, kept, encode: ContextTool.InvokeTool.responseSerialize });
    const services = [
      implement(ServiceInfo, { GetCard: unary(createGetCard(current)) }),
      implement(ContextTool, {
        // Others' middleware must see every call as a message, after the guard.
        RequestContext:
          middleware.length === 0
            ? unaryEncoded(prepareSameBytes(contexts, reauthenticate))
            : unary<ContextRequest__Output, ContextResponse>((request, call) =>
                contexts.answer(contexts.prepare(request, call), call),
              ),
        InvokeTool: unary<ToolRequest__Output, ToolResponse>((request, call) => tools.invoke(request, call)),
      }),
    ];
    return { services, middleware };
  }
}

/** Told apart over processes by chance, within one by counting: a random id for each call would cost as much as its guard. */
function createInvocationIds(randomBytes: (count: number) => Uint8Array): () => string {
  const prefix = Buffer.from(randomBytes(INVOCATION_PREFIX_BYTES)).toString('base64url');
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
