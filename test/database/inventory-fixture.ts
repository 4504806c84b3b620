/** examples/inventory as the runtime makes it of its files: from the configuration and the wire to the database. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { decodeArguments, decodeParameters } from '#lib/json-schema/arguments.ts';
import { silentLogger } from '#lib/logger.ts';
import type { ContextDeclaration, ToolCall, ToolDeclaration } from '#sdk/server/declaration.ts';
import { createOffer, type Offer } from '#sdk/server/offer.ts';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../services/context-tool/config/runtime-config.ts';
import type { Database } from '../../services/context-tool/database/database.ts';
import { NO_DATABASE_METRICS } from '../../services/context-tool/database/database-metrics.ts';
import type { TakenRow } from '../../services/context-tool/database/outbox-table.ts';
import { createPostgresDatabase } from '../../services/context-tool/database/postgres/postgres-database.ts';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import type { PostgresPair } from '../harness/postgres.ts';
import { drainOnce } from './outbox-fixture.ts';

export const FOLDER = join(import.meta.dirname, '../../examples/inventory');

export interface Inventory extends AsyncDisposable {
  context(key: string, parameters?: Readonly<Record<string, string>>): Promise<string>;
  /** Outputs as text, or what the tool said. */
  tool(name: string, args: Readonly<Record<string, string>>, call?: Partial<ToolCall>): Promise<unknown>;
  readonly problems: unknown;
  /** The rows that are to become events; they are done then. */
  events(): Promise<readonly TakenRow[]>;
}

export function readExample(name: string, below: string): RuntimeConfig {
  const options = { file: join(FOLDER, name), workingFolder: FOLDER, sqlite: { below } };
  const { config, problems } = createConfigReader()(options);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

function toOffer({ server, contexts, tools }: RuntimeConfig, database: Database): Offer {
  const declared = createOffer({
    ...server,
    contexts: contexts.map((context): ContextDeclaration => {
      if (!('query' in context)) throw new Error('no query');
      const segments = [...context.key.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      return {
        ...context,
        read: database.context(context.query, { segments, parameters: namesIn(context.parameters) }),
      };
    }),
    tools: tools.map((tool): ToolDeclaration => {
      if (!('statement' in tool)) throw new Error('no statement');
      const run = database.tool(tool.statement, { segments: [], parameters: namesIn(tool.input) });
      return { ...tool, idempotency: 'shared', run };
    }),
  });
  if (!declared.ok) throw new Error(JSON.stringify(declared.problems));
  return declared.offer;
}

const namesIn = (schema: Readonly<Record<string, unknown>> | undefined) => Object.keys(schema?.properties ?? {});

async function open(config: RuntimeConfig, create: (config: DatabaseConfig) => Database): Promise<Inventory> {
  const [databaseConfig] = config.databases.values();
  if (databaseConfig === undefined) throw new Error('no database');
  const database = create(databaseConfig);
  const offer = toOffer(config, database);
  const [outbox] = config.events.map((one) => database.outbox(one, config.server.name));
  const problems = await database.check(new AbortController().signal);
  return {
    problems,
    async events() {
      const rows = outbox === undefined ? [] : await drainOnce(outbox);
      return rows === 'busy' ? [] : rows;
    },
    async context(key, parameters = {}) {
      const found = offer.findContext(key);
      if (found === undefined) throw new ServiceError('CONTEXT_UNKNOWN', 'no such key');
      const { declaration, parameters: schema } = found.value;
      const request = { key, segments: found.segments, parameters: decodeParameters(schema, bytesOf(parameters)) };
      return (await declaration.read(request, toolCall())).content.toString();
    },
    async tool(name, args, call = {}) {
      const tool = offer.findTool(name);
      if (tool === undefined) throw new Error('no tool');
      const decoded = decodeArguments(tool.input, { values: bytesOf(args) });
      const answer = await tool.declaration.run(decoded, toolCall(call));
      if (!answer.success) return answer.errorCode;
      return Object.fromEntries(Object.entries(answer.outputs).map(([output, bytes]) => [output, bytes.toString()]));
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}

const bytesOf = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));

const toolCall = (call: Partial<ToolCall> = {}): ToolCall => ({
  caller: { iss: 'mcp2:test', sub: 'default.agent' },
  signal: new AbortController().signal,
  deadlineMs: systemClock.nowMs() + 30_000,
  log: silentLogger,
  invocationId: 'run-1',
  idempotencyKey: undefined,
  keyed: undefined,
  warn: () => undefined,
  ...call,
});

export function openOnSqlite(name: string, folder: string): Promise<Inventory> {
  const files = new SqliteFiles({ clock: systemClock, log: silentLogger, setpriv: undefined });
  return open(readExample(name, folder), (config) => {
    if (config.kind !== 'sqlite') throw new Error('no SQLite');
    return openSqlite(config, { files, clock: systemClock, log: silentLogger });
  });
}

export async function openOnPostgres(pair: PostgresPair): Promise<Inventory> {
  for (const file of ['postgres/schema.sql', 'stock.sql', 'postgres/roles.sql']) {
    // psql puts its variables in; here nobody else does.
    const sql = readFileSync(join(FOLDER, file), 'utf8').replaceAll(/:'(\w+)_password'/g, "'made for tests: $1'");
    await pair.primary.query(sql);
  }
  const urls: Readonly<Record<string, string>> = {
    'primary-url': pair.primary.url({ user: 'inventory_writer', password: 'made for tests: writer' }),
    'replica-url': pair.replica.url({ user: 'inventory_reader', password: 'made for tests: reader' }),
  };
  return open(readExample('postgres/inventory.yaml', FOLDER), (config) => {
    if (config.kind !== 'postgres') throw new Error('no PostgreSQL');
    const { log, clock } = { log: silentLogger, clock: systemClock };
    const readSecret = (reference: object) =>
      urls[/[a-z]+-url$/.exec(JSON.stringify(reference).slice(0, -2))?.[0] ?? ''] ?? '';
    return createPostgresDatabase(config, {
      readSecret,
      clock,
      random: Math.random,
      log,
      metrics: NO_DATABASE_METRICS,
    });
  });
}
