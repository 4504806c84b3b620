/**
 * The record of calls that were refused for who made them: one line in the log of every service, with what is known of the
 * caller and never with its token. Bounded: who calls without a right a thousand times a second must not fill our disk.
 */
import { status } from '@grpc/grpc-js';
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import type { CallEnd } from '../grpc/call-context.ts';
import type { Logger } from '../logger.ts';
import { subjectOf } from '../middleware/guard.ts';

export interface DenialAuditDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
}

const WINDOW_MS = 1_000;
const MAX_LINES_A_WINDOW = 50;
/** A resource that nobody has checked may be as long as a request. */
const MAX_RESOURCE_CHARS = 256;

/** @throws when this collection has its metric already: one collection a service. */
export function createDenialAudit({ clock, log, metrics }: DenialAuditDependencies): (end: CallEnd) => void {
  const unlogged = new Counter({
    name: 'mcp2_denials_unlogged_total',
    help: 'Refused calls that are not in the log, since there were more than 50 in a second.',
    registers: [metrics],
  });
  let windowStartMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let left = 0;
  return function audit(end) {
    if (end.code !== status.UNAUTHENTICATED && end.code !== status.PERMISSION_DENIED) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - windowStartMs >= WINDOW_MS) {
      windowStartMs = nowMs;
      lines = 0;
    }
    if (lines >= MAX_LINES_A_WINDOW) {
      left += 1;
      unlogged.inc();
      return;
    }
    lines += 1;
    log.warn({ ...describe(end), ...(left > 0 ? { unloggedBefore: left } : {}) }, 'call denied');
    left = 0;
  };
}

function describe({ call, reason }: CallEnd): object {
  const { iss, sub, jti } = call.caller ?? call.refusedCaller ?? {};
  const resource = subjectOf(call.method, call.guarded)?.slice(0, MAX_RESOURCE_CHARS).toWellFormed();
  return { rpc: call.method, resource, reason, sub, iss, jti, peer: call.peer };
}
