/**
 * The runtime configuration as the rest of the runtime sees it: read, checked against its schema, paths resolved, durations
 * and sizes as numbers. `read-config.ts` makes it; docs/context-tool.md has the format.
 */
import type { CachePolicy, JsonSchema, ToolAnnotations } from '#sdk/server/declaration.ts';

/** Where something was written, for problems that are found later: a typo in SQL, a module without its export. */
export interface Place {
  /** As people know it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** "contexts[0].query.sql". */
  readonly path: string;
}

/** One mistake. */
export interface Problem extends Place {
  /** What is wrong and what is allowed, for people. */
  readonly message: string;
}

/** A secret is never in the configuration itself. `fromFile` is absolute here. */
export type SecretReference = { readonly fromFile: string } | { readonly fromEnv: string };

export interface RuntimeConfig {
  /** The configuration file, absolute. */
  readonly file: string;
  readonly server: { readonly name: string; readonly version: string };
  /** host:port; undefined = what the process is told. */
  readonly listen: string | undefined;
  /** Token of this server itself, for registering and publishing. Undefined: what the process has. */
  readonly token: SecretReference | undefined;
  /** host:port; undefined = what the process is told or finds. */
  readonly eventBus: string | undefined;
  readonly databases: ReadonlyMap<string, DatabaseConfig>;
  readonly contexts: readonly ContextConfig[];
  readonly tools: readonly ToolConfig[];
  readonly events: readonly OutboxConfig[];
}

/** A table whose rows become events. */
export interface OutboxConfig {
  /** A key of `databases`. */
  readonly database: string;
  /** Patterns of the topics that rows may name. */
  readonly topics: readonly string[];
  /** Default 1 000. */
  readonly everyMs: number;
  readonly take: StatementConfig;
  readonly done: StatementConfig;
  /** Undefined: the outbox stops at a row that can never be published. */
  readonly failed: StatementConfig | undefined;
  readonly place: Place;
}

export type DatabaseConfig = PostgresConfig | SqliteConfig;

export interface PostgresConfig {
  readonly kind: 'postgres';
  readonly name: string;
  readonly place: Place;
  readonly primary: PostgresMember;
  readonly replicas: readonly PostgresMember[];
  /** Connections to each member, at most. Default 10. */
  readonly maxConnections: number;
  /** Default 5 000. */
  readonly statementTimeoutMs: number;
  /** A replica further behind is not read from. Default 1 000. */
  readonly maxLagMs: number;
}

export interface PostgresMember {
  /** postgres://user:password@host:port/database?sslmode=… */
  readonly url: SecretReference;
}

export interface SqliteConfig {
  readonly kind: 'sqlite';
  readonly name: string;
  readonly place: Place;
  /** Absolute. */
  readonly file: string;
  /** Absolute; run in one transaction when the file does not exist. */
  readonly init: readonly string[];
  /** Default 5 000. */
  readonly statementTimeoutMs: number;
}

export interface StatementConfig {
  /** A key of `databases`. */
  readonly database: string;
  /** As it was written, with ":name" placeholders. */
  readonly sql: string;
  /** Of the SQL. */
  readonly place: Place;
  readonly result: 'Value' | 'Row' | 'Rows';
}

export interface ToolStatementConfig extends StatementConfig {
  /** Default ReadCommitted. SQLite is always serializable. */
  readonly isolation: 'ReadCommitted' | 'RepeatableRead' | 'Serializable';
}

export interface HttpConfig {
  readonly method: string;
  /** A template: "https://weather.example/v1/{city}". */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | SecretReference>>;
  /** `json`: a template, any JSON value. Undefined: no body. */
  readonly body: { readonly json: unknown } | undefined;
  /** Default 10 000. */
  readonly timeoutMs: number;
  /** Of the decoded body. Default 1 MiB, at most 4 MiB. */
  readonly maxBytes: number;
  readonly place: Place;
}

export interface StaticConfig {
  readonly content: Buffer;
  readonly contentType: string;
}

export interface ModuleConfig {
  /** Absolute. */
  readonly file: string;
  /** Default "default". */
  readonly export: string;
  /** Of one run, from its start. Default 10 000. */
  readonly timeoutMs: number;
  /** Default 128 MiB. */
  readonly memoryBytes: number;
  /** Children at most. Default 2. */
  readonly processes: number;
  /** May load native addons: then it is not confined. */
  readonly native: boolean;
  readonly place: Place;
}

export type ContextConfig = {
  readonly key: string;
  readonly description: string | undefined;
  readonly parameters: JsonSchema | undefined;
  readonly cache: CachePolicy | undefined;
  readonly place: Place;
} & ({ readonly query: StatementConfig } | { readonly http: HttpConfig } | { readonly static: StaticConfig });

export type ToolConfig = {
  readonly name: string;
  readonly description: string | undefined;
  readonly input: JsonSchema | undefined;
  readonly output: JsonSchema | undefined;
  readonly annotations: ToolAnnotations;
  readonly place: Place;
} & ({ readonly statement: ToolStatementConfig } | { readonly http: HttpConfig } | { readonly module: ModuleConfig });
