/**
 * Asks a PostgreSQL server to stop what one of its connections runs. The request goes over a connection of its own, which
 * the server closes when it has passed it on; there is no other answer.
 *
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
import { Connection, type ConnectionConfig } from 'pg';
import type { Clock } from '#lib/clock.ts';
import { atMost } from '#lib/time-limit.ts';

/** The part of `pg`'s Client that says where it is connected and by which secret it is known there. */
export interface CancelTarget {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly ssl: ConnectionConfig['ssl'];
  readonly sslNegotiation: 'postgres' | 'direct';
}

/** `pg`'s connection, as it is. */
interface CancelConnection {
  readonly stream: { destroy(): void };
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  on(event: 'connect' | 'sslconnect' | 'end', listener: () => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
}

/** With TLS where the connection has it. Never rejects: a server that cannot be reached runs nothing to cancel, or is frozen. */
export async function sendCancelRequest(
  target: CancelTarget,
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: Clock },
): Promise<void> {
  const { host, port, processID, secretKey, ssl, sslNegotiation } = target;
  if (processID === null || secretKey === null) return;
  const options = { ssl, sslNegotiation } as ConnectionConfig;
  const connection = new Connection(options) as unknown as CancelConnection;
  const { promise, resolve } = Promise.withResolvers<void>();
  const send = () => connection.cancel(processID, secretKey);
  connection.on('error', () => connection.stream.destroy());
  connection.on('end', resolve);
  connection.on('sslconnect', send);
  connection.on('connect', () => {
    if (!ssl) send();
    else if (sslNegotiation !== 'direct') connection.requestSsl();
  });
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
  else connection.connect(port, host);
  await atMost(timeoutMs, promise, clock);
  connection.stream.destroy();
}
