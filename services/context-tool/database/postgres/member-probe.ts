/**
 * Asks one server again and again, on a connection of its own, where it is in the write-ahead log: a full pool must not
 * make a replica look late. Only where there are replicas.
 */
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/time-limit.ts';
import type { PostgresConnection } from './connection.ts';
import { readPosition } from './replica-lag.ts';

export interface Position {
  readonly isStandby: boolean;
  readonly position: bigint;
  /** Monotonic, before the question was sent. */
  readonly askedMs: number;
}

export interface ProbeOptions {
  readonly open: (signal: AbortSignal) => Promise<PostgresConnection>;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Undefined: it did not answer. */
  readonly onPosition: (position: Position | undefined) => void;
}

const QUESTION =
  'SELECT pg_is_in_recovery(), ' +
  'CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END';

/** Runs until the signal aborts. */
export async function probeMember(options: ProbeOptions, signal: AbortSignal): Promise<void> {
  const { clock, intervalMs, timeoutMs, onPosition } = options;
  let connection: PostgresConnection | undefined;
  const onTimeout = () => new Error('the server did not answer in time');
  while (!signal.aborted) {
    try {
      connection = await withDeadline({ clock, timeoutMs, signal, onTimeout }, (limit) =>
        ask(options, connection, limit),
      );
    } catch {
      connection?.destroy();
      connection = undefined;
      if (!signal.aborted) onPosition(undefined);
    }
    await clock.sleep(intervalMs, signal).catch(() => undefined);
  }
  connection?.close();
}

/** @returns the connection for the next time */
async function ask(
  { open, clock, onPosition }: ProbeOptions,
  open_: PostgresConnection | undefined,
  limit: AbortSignal,
): Promise<PostgresConnection> {
  const connection = open_ ?? (await open(limit));
  const giveUp = () => connection.destroy();
  limit.addEventListener('abort', giveUp, { once: true });
  try {
    const askedMs = clock.monotonicMs();
    const { rows } = await connection.simple(QUESTION);
    const [isStandby, position] = rows[0] ?? [];
    onPosition({ isStandby: isStandby === 't', position: readPosition(position ?? ''), askedMs });
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    limit.removeEventListener('abort', giveUp);
  }
}
