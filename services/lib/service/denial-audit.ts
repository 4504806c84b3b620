/**
 * The record of calls that were refused for who made them: one line in the log of every service, with what is known of the
 * caller and never with its token. Bounded: who calls without a right a thousand times a second must not fill our disk.
 *
 * Every server is asked for its card without a credential at each probe, because a server that answers that is open to
 * anyone. Being refused there is the usual case and no sign of anything, so it is a line for who debugs alone.
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
  // Two, so that probes leave the lines of other denials to them.
  const lines = { warn: new LineLimit(clock), debug: new LineLimit(clock) };
  return function audit(end) {
    if (end.code !== status.UNAUTHENTICATED && end.code !== status.PERMISSION_DENIED) return;
    const level = isProbe(end) ? 'debug' : 'warn';
    const unloggedBefore = lines[level].take();
    if (unloggedBefore === undefined) unlogged.inc();
    else log[level]({ ...describe(end), ...(unloggedBefore > 0 ? { unloggedBefore } : {}) }, 'call denied');
  };
}

/** So many lines a second; what is more is counted. */
class LineLimit {
  readonly #clock: Clock;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #left = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns how many were left out since the line before; undefined when this one is */
  take(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines >= MAX_LINES_A_WINDOW) {
      this.#left += 1;
      return undefined;
    }
    this.#lines += 1;
    const left = this.#left;
    this.#left = 0;
    return left;
  }
}

/** As the operator asks (operator/server/handshake.ts); a token that is wrong is none of its business. */
function isProbe({ call, reason }: CallEnd): boolean {
  return call.method === 'ServiceInfo.GetCard' && reason === 'CREDENTIAL_MISSING';
}

function describe({ call, reason }: CallEnd): object {
  const { iss, sub, jti } = call.caller ?? call.refusedCaller ?? {};
  const resource = subjectOf(call.method, call.guarded)?.slice(0, MAX_RESOURCE_CHARS).toWellFormed();
  return { rpc: call.method, resource, reason, sub, iss, jti, peer: call.peer };
}
