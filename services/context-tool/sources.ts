/**
 * What the contexts and tools of one configuration are answered from: databases, upstreams, modules, constants.
 *
 * What lives as long as the process (HTTP connections, files of SQLite, metrics) comes from outside and outlives a reload;
 * the rest is opened for one configuration and closed with it.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { ContextDeclaration, ToolDeclaration } from '#sdk/server/declaration.ts';
import type {
  ContextConfig,
  DatabaseConfig,
  ModuleConfig,
  Problem,
  RuntimeConfig,
  StatementConfig,
  StaticConfig,
  ToolConfig,
  ToolStatementConfig,
} from './config/runtime-config.ts';
import type { Database, StatementNames } from './database/database.ts';
import type { OutboxTable } from './database/outbox-table.ts';
import { namesOf } from './declared-names.ts';
import type { HttpSources } from './http/http-sources.ts';
import type { ModuleMetrics } from './modules/metrics.ts';
import { createModules } from './modules/modules.ts';
import type { ProcessLimits } from './modules/process-limits.ts';
import { outboxName } from './outbox/outbox-name.ts';
import { RunningCalls } from './running-calls.ts';

export interface SourceDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly http: HttpSources;
  readonly modules: { readonly limits: ProcessLimits; readonly metrics: ModuleMetrics };
  /** Opens nothing yet. */
  readonly openDatabase: (config: DatabaseConfig) => Database;
}

export interface Sources {
  contextRead(config: ContextConfig): ContextDeclaration['read'];
  toolRun(config: ToolConfig): ToolDeclaration['run'];
  /** By name in the configuration. */
  readonly databases: ReadonlyMap<string, Database>;
  /** Of `events`, in their order. */
  readonly outboxes: readonly OutboxTable[];
  /** Loads every module once. */
  checkModules(signal: AbortSignal): Promise<readonly Problem[]>;
  /** Absolute paths of the modules and what they import, as far as they were loaded. */
  moduleFiles(): readonly string[];
  /** Resolves when the calls that run have ended, and everything is closed. @param signal Ends modules at once. */
  close(signal: AbortSignal): Promise<void>;
}

export function openSources(config: RuntimeConfig, dependencies: SourceDependencies): Sources {
  const { clock, log, http, openDatabase } = dependencies;
  const modules = createModules({ ...dependencies.modules, clock, log });
  const databases = new Map([...config.databases].map(([name, one]) => [name, openDatabase(one)]));
  const asking = new RunningCalls();
  return {
    databases,
    outboxes: config.events.map((outbox, i) => {
      const lock = `${config.server.name}/${outboxName(config.events, i)}`;
      return databaseOf(outbox.database).outbox(outbox, lock);
    }),
    contextRead(context) {
      if ('query' in context) return asking.counted(queryOf(context.query, namesOf(context)));
      return 'http' in context ? http.context(context.http) : constant(context.static);
    },
    toolRun(tool) {
      if ('statement' in tool) return asking.counted(statementOf(tool.statement, namesOf(tool)));
      return 'http' in tool ? http.tool(tool.http, tool.annotations) : modules.tool(tool.module);
    },
    checkModules: (signal) => modules.check(signal),
    moduleFiles: () => modules.files(),
    async close(signal) {
      // A call that waits for a connection has begun, too.
      const closeDatabases = asking.ended().then(() => Promise.all([...databases.values()].map((one) => one.close())));
      await Promise.all([modules.close(signal), closeDatabases]);
    },
  };

  function queryOf(query: StatementConfig, names: StatementNames): ContextDeclaration['read'] {
    return databaseOf(query.database).context(query, names);
  }

  function statementOf(statement: ToolStatementConfig, names: StatementNames): ToolDeclaration['run'] {
    return databaseOf(statement.database).tool(statement, names);
  }

  function databaseOf(name: string): Database {
    const database = databases.get(name);
    if (database === undefined) throw new Error(`the configuration was not checked: there is no database ${name}`);
    return database;
  }
}

/** For the log at the start. */
export function modulesOf({ tools }: RuntimeConfig): readonly ModuleConfig[] {
  return tools.flatMap((tool) => ('module' in tool ? [tool.module] : []));
}

function constant({ content, contentType }: StaticConfig): ContextDeclaration['read'] {
  const answer = Object.freeze({ content, contentType });
  return () => answer;
}
