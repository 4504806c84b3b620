/** Contexts and tools over HTTP as the runtime makes them, called as the server's core calls them. */
import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { lookUpBySystem } from '#lib/net/name-lookup.ts';
import type { ContextAnswer, JsonObject, ToolAnnotations, ToolAnswer, ToolCall } from '#sdk/server/declaration.ts';
import type { HttpConfig } from '../../services/context-tool/config/runtime-config.ts';
import { createHttpSources, type HttpSourcesOptions } from '../../services/context-tool/http/http-sources.ts';

export type HttpOptions = Partial<HttpConfig> & { readonly url: string };

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** From now. Default 30 000. */
  readonly deadlineMs?: number;
}

export interface CalledSources extends Disposable {
  read(config: HttpOptions, parameters?: JsonObject, call?: CallOptions): Promise<ContextAnswer>;
  run(
    config: HttpOptions,
    args?: JsonObject,
    call?: CallOptions & { annotations?: ToolAnnotations },
  ): Promise<ToolAnswer>;
  /** Without labels the sum. */
  metric(name: string, result?: string): Promise<number>;
}

/** Loopback is allowed unless said otherwise, as in standalone mode. */
export function openHttpSources(options: Partial<HttpSourcesOptions> = {}): CalledSources {
  const metrics = new Registry();
  const sources = createHttpSources({
    ...{ lookup: lookUpBySystem, allowLoopback: true, clock: systemClock, metrics, readSecret: noSecret },
    ...options,
  });
  return {
    async read(config, parameters = {}, call = {}) {
      return sources.context(configOf(config))({ key: 'test:key', segments: {}, parameters }, callOf(call));
    },
    async run(config, args = {}, { annotations = {}, ...call } = {}) {
      return sources.tool(configOf({ method: 'POST', ...config }), annotations)(args, callOf(call));
    },
    async metric(name, result) {
      const { values = [] } = (await metrics.getMetricsAsJSON()).find((metric) => metric.name === name) ?? {};
      const wanted = values.filter(({ labels }) => result === undefined || Object(labels).result === result);
      return wanted.reduce((sum, { value }) => sum + value, 0);
    },
    [Symbol.dispose]: () => sources.close(),
  };
}

export function configOf(config: HttpOptions): HttpConfig {
  const place = { file: 'server.yaml', line: 1, column: 1, path: 'contexts[0].http' };
  return { method: 'GET', headers: {}, body: undefined, timeoutMs: 10_000, maxBytes: 1_048_576, place, ...config };
}

function callOf({ signal = new AbortController().signal, deadlineMs = 30_000 }: CallOptions): ToolCall {
  return {
    caller: { iss: 'https://issuer.example', sub: 'agent' },
    signal,
    deadlineMs: Date.now() + deadlineMs,
    log: silentLogger,
    invocationId: randomUUID(),
    idempotencyKey: undefined,
    keyed: undefined,
    warn: () => undefined,
  };
}

function noSecret(): never {
  throw new Error('this test has no secrets');
}
