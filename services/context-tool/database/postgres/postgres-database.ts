/** PostgreSQL behind contexts and tools: puts the parts of this folder together. */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { withDeadline } from '#lib/time-limit.ts';
import type { ContextAnswer, ContextDeclaration, ToolAnswer, ToolDeclaration } from '#sdk/server/declaration.ts';
import type {
  OutboxConfig,
  PostgresConfig,
  SecretReference,
  StatementConfig,
  ToolStatementConfig,
} from '../../config/runtime-config.ts';
import type { Checked, Database, StatementNames } from '../database.ts';
import { counted, type DatabaseMeter, type DatabaseMetrics, type MemberState } from '../database-metrics.ts';
import { DONE_STATEMENT, FAILED_STATEMENT, type OutboxTable, TAKE_STATEMENT } from '../outbox-table.ts';
import type { AttemptFailed } from './attempt.ts';
import { PostgresConnection } from './connection.ts';
import { ConnectionLost } from './connection-lost.ts';
import { logFailure } from './failure.ts';
import { type Choice, type Member, Members } from './members.ts';
import { postgresOutbox } from './outbox.ts';
import { pruneKeptAnswers } from './prune-kept-answers.ts';
import { read } from './read-transaction.ts';
import { contextAnswer, rowsToKeep, toolAnswer } from './result.ts';
import { adviseRole } from './role-advice.ts';
import { Statement, type StatementKind, valuesOf } from './statement.ts';
import { checkStatements } from './statement-check.ts';
import { write } from './write-transaction.ts';

export interface PostgresDependencies {
  /** Reads a URL; asked for every new connection, so that a renewed password is followed. */
  readonly readSecret: (reference: SecretReference) => string | Promise<string>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: DatabaseMetrics;
}

/** From the first packet to "ready for a query". */
const CONNECT_TIMEOUT_MS = 5_000;
/** A start and a reload wait no longer for a database that does not answer, all of its servers together. */
const CHECK_TIMEOUT_MS = 5_000;

/** Opens no connection before something is asked, unless there are replicas, whose lag is watched from the start. */
export function createPostgresDatabase(config: PostgresConfig, dependencies: PostgresDependencies): Database {
  return new PostgresDatabase(config, dependencies);
}

class PostgresDatabase implements Database {
  readonly #config: PostgresConfig;
  readonly #dependencies: PostgresDependencies;
  readonly #log: Logger;
  readonly #meter: DatabaseMeter;
  readonly #members: Members;
  readonly #statements: Statement[] = [];
  readonly #closed = new AbortController();
  #pruning: Promise<void> | undefined;

  constructor(config: PostgresConfig, dependencies: PostgresDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    this.#log = dependencies.log.child({ database: config.name });
    this.#meter = dependencies.metrics.forDatabase(config.name);
    const { maxConnections, maxLagMs } = config;
    const { clock } = dependencies;
    const open = (index: number, signal: AbortSignal) => this.#open(index, signal);
    this.#members = new Members({
      open,
      replicas: config.replicas.length,
      maxConnections,
      maxLagMs,
      clock,
      log: this.#log,
    });
    this.#meter.watch(() => this.#members.all.map((member) => this.#stateOf(member)));
  }

  context(config: StatementConfig, names: StatementNames): ContextDeclaration['read'] {
    const statement = this.#add(new Statement(config, { kind: 'context', names }));
    const keepRows = rowsToKeep(config.result);
    return ({ segments, parameters }, call) =>
      counted(this.#meter, 'context', async (): Promise<ContextAnswer> => {
        const { sql, elements } = statement.ready();
        const values = valuesOf(sql, segments, parameters);
        const options = { ...this.#callOptions(), members: this.#members, call, log: () => this.#logOf(call.log) };
        const { answer, choice } = await read({ text: sql.text, values, keepRows }, options);
        return { ...contextAnswer(config.result, answer, elements), metadata: metadataOf(choice) };
      });
  }

  tool(config: ToolStatementConfig, names: StatementNames): ToolDeclaration['run'] {
    const statement = this.#add(new Statement(config, { kind: 'tool', names }));
    const { isolation, result } = config;
    const keepRows = rowsToKeep(result);
    this.#pruning ??= this.#prune();
    return (args, call) =>
      counted(this.#meter, 'tool', async (): Promise<ToolAnswer> => {
        const { sql, elements } = statement.ready();
        const values = valuesOf(sql, args);
        const toAnswer: Parameters<typeof write>[0]['toAnswer'] = (answer) => toolAnswer(result, answer, elements);
        const member = this.#members.primary;
        const { random } = this.#dependencies;
        const options = { ...this.#callOptions(), member, call, random, log: () => this.#logOf(call.log) };
        return write({ text: sql.text, values, keepRows, isolation, toAnswer }, options);
      });
  }

  outbox({ take, done, failed }: OutboxConfig, lock: string): OutboxTable {
    const add = (config: StatementConfig, kind: StatementKind, names: StatementNames) =>
      this.#add(new Statement(config, { kind, names }));
    const statements = {
      take: add(take, 'take', TAKE_STATEMENT),
      done: add(done, 'settle', DONE_STATEMENT),
      failed: failed && add(failed, 'settle', FAILED_STATEMENT),
    };
    const onFailure = ({ cause }: AttemptFailed) => logFailure(this.#log, cause, []);
    return postgresOutbox({ ...this.#callOptions(), member: this.#members.primary, statements, lock, onFailure });
  }

  async check(signal: AbortSignal): Promise<Checked> {
    const unchecked = () => this.#statements.filter(({ state }) => state.kind === 'unchecked');
    const { all } = this.#members;
    const { clock } = this.#dependencies;
    const onTimeout = () => new ServiceError('BACKEND_UNAVAILABLE', 'the database did not answer');
    for (const member of all) {
      // A replica is asked only for contexts that the primary could not be asked for: it would serve them, too.
      const mine = unchecked().filter(({ kind }) => member.isPrimary || kind === 'context');
      if (mine.length === 0) continue;
      const timeoutMs = CHECK_TIMEOUT_MS / all.length;
      await withDeadline({ clock, timeoutMs, signal, onTimeout }, (limit) => this.#checkAt(member, mine, limit));
    }
    if (unchecked().length > 0) return 'unreachable';
    return this.#statements.flatMap(({ state }) => (state.kind === 'refused' ? state.problems : []));
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('closed'));
    await Promise.all([this.#members.close(), this.#pruning]);
    this.#meter.end();
  }

  /** A server that does not answer is logged and leaves its statements as they are. @throws the reason of the caller */
  async #checkAt(member: Member, statements: readonly Statement[], limit: AbortSignal): Promise<void> {
    let connection: PostgresConnection | undefined;
    const giveUp = () => connection?.destroy();
    limit.addEventListener('abort', giveUp, { once: true });
    try {
      connection = await member.open(limit);
      await checkStatements(connection, statements);
      const hasTools = this.#statements.some(({ kind }) => kind !== 'context');
      await adviseRole(connection, hasTools, this.#log.child({ member: member.name }));
    } catch (error) {
      logFailure(this.#log.child({ member: member.name }), error, []);
    } finally {
      limit.removeEventListener('abort', giveUp);
      connection?.close();
    }
  }

  async #open(index: number, signal: AbortSignal): Promise<PostgresConnection> {
    const { primary, replicas } = this.#config;
    const { url: reference } = [primary, ...replicas][index] ?? primary;
    let url: string;
    try {
      url = (await this.#dependencies.readSecret(reference)).trim();
    } catch (error) {
      throw new ConnectionLost(error);
    }
    return PostgresConnection.open({ url, timeoutMs: CONNECT_TIMEOUT_MS, signal });
  }

  #add(statement: Statement): Statement {
    this.#statements.push(statement);
    return statement;
  }

  #callOptions() {
    const { clock } = this.#dependencies;
    return { clock, meter: this.#meter, statementTimeoutMs: this.#config.statementTimeoutMs };
  }

  #logOf(log: Logger): Logger {
    return log.child({ database: this.#config.name });
  }

  #prune(): Promise<void> {
    const { clock, random } = this.#dependencies;
    const { signal } = this.#closed;
    const member = this.#members.primary;
    return pruneKeptAnswers({ member, clock, random, log: this.#log, meter: this.#meter }, signal);
  }

  #stateOf({ name, isPrimary, pool }: Member): MemberState {
    const { idle, inUse, connecting, waiting } = pool.state;
    const lagMs = isPrimary ? undefined : this.#members.lagMs(name);
    const connections = { idle, in_use: inUse, connecting };
    return { member: name, connections, waiting, lagSeconds: lagMs === undefined ? undefined : lagMs / 1_000 };
  }
}

/** Where it was answered, without a name of the machine. */
function metadataOf({ member, lagUnknown }: Choice): string[] {
  const source = `source:${member.isPrimary ? 'primary' : 'replica'}`;
  return lagUnknown ? [source, 'lag:unknown'] : [source];
}
