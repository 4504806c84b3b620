/** The contexts and tools of one runtime that are requests to upstreams. One for the process: it outlives a reload. */
import type { ContextDeclaration, ToolAnnotations, ToolDeclaration } from '#sdk/server/declaration.ts';
import type { HttpConfig } from '../config/runtime-config.ts';
import { createHttpClient, type HttpClientOptions } from './client.ts';
import { createHttpContext } from './context.ts';
import type { ReadSecret } from './header-template.ts';
import { createKeptAnswers } from './kept-answers.ts';
import { createHttpTool } from './tool.ts';

export interface HttpSourcesOptions extends HttpClientOptions {
  /** Asked for each request. */
  readonly readSecret: ReadSecret;
}

export interface HttpSources {
  /** @param config Read without problems (`readHttp`). */
  context(config: HttpConfig): ContextDeclaration['read'];
  tool(config: HttpConfig, annotations: ToolAnnotations): ToolDeclaration['run'];
  /** Breaks what still runs; for the end of the process. */
  close(): void;
}

/** @throws when its metrics are in the collection already */
export function createHttpSources({ readSecret, ...options }: HttpSourcesOptions): HttpSources {
  const client = createHttpClient(options);
  const kept = createKeptAnswers();
  return {
    context: (config) => createHttpContext(config, { client, readSecret, kept }),
    tool: (config, annotations) => createHttpTool(config, annotations, { client, readSecret }),
    close: () => client.close(),
  };
}
