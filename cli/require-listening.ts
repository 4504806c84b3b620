/**
 * Whether somebody listens at an address, asked once before a client is made: a client waits and tries again, as a program
 * wants it, and a person in front of a wrong address wants to be told.
 */
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { CallError } from '#lib/grpc/call-error.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';

const AT_MOST_MS = 5_000;

/** @param address host:port. @throws CallError UNAVAILABLE when nobody takes a connection */
export async function requireListening(address: string, timeoutMs: number): Promise<void> {
  const target = parseHostPort(address);
  if (target === undefined) return;
  const answer = Promise.withResolvers<void>();
  const socket = connect({ ...target, timeout: Math.min(timeoutMs, AT_MOST_MS) });
  socket.once('connect', answer.resolve);
  socket.once('error', answer.reject);
  socket.once('timeout', () => answer.reject(new Error('no answer')));
  try {
    await answer.promise;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CallError(`${address}: ${why}`, { code: status.UNAVAILABLE, reachedServer: false, cause });
  } finally {
    socket.destroy();
  }
}
