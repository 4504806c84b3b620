/** From a configuration to what the server declares: the one form that `createServer()` makes, too. */
import { formatPath } from '#lib/schema/schema.ts';
import type { ContextDeclaration, ToolDeclaration } from '#sdk/server/declaration.ts';
import type { Declared, OfferProblem } from '#sdk/server/offer.ts';
import type { ContextConfig, Problem, RuntimeConfig, ToolConfig } from './config/runtime-config.ts';
import type { Sources } from './sources.ts';

export function declare(config: RuntimeConfig, sources: Pick<Sources, 'contextRead' | 'toolRun'>): Declared {
  return {
    ...config.server,
    contexts: config.contexts.map((context) => declareContext(context, sources)),
    tools: config.tools.map((tool) => declareTool(tool, sources)),
    publishes: config.events.flatMap(({ topics }) => topics),
  };
}

function declareContext(config: ContextConfig, sources: Pick<Sources, 'contextRead'>): ContextDeclaration {
  const { key, description, parameters, cache } = config;
  const contentType = contentTypeOf(config);
  return { key, description, parameters, cache, contentType, read: sources.contextRead(config) };
}

/** An upstream decides anew with each answer. */
function contentTypeOf(config: ContextConfig): string | undefined {
  if ('query' in config) return 'application/json';
  return 'static' in config ? config.static.contentType : undefined;
}

function declareTool(config: ToolConfig, sources: Pick<Sources, 'toolRun'>): ToolDeclaration {
  const { name, description, input, output, annotations } = config;
  const idempotency = 'statement' in config ? 'shared' : 'instance';
  return { name, description, input, output, annotations, idempotency, run: sources.toolRun(config) };
}

/** What only the whole shows (a card that is too large) has its place at the configuration's top. */
export function placeProblem(problem: OfferProblem, config: RuntimeConfig): Problem {
  const [list, index] = problem.path;
  const declared = list === 'contexts' ? config.contexts : config.tools;
  const place = typeof index === 'number' ? declared[index]?.place : undefined;
  const start = { file: config.file, line: 1, column: 1 };
  return { ...(place ?? start), path: formatPath(problem.path), message: problem.message };
}
