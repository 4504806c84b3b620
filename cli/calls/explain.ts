/** The sentence for a call of a server that failed. */
import { status } from '@grpc/grpc-js';
import { onOneLine } from '#lib/printable.ts';
import { CallError } from '#sdk/client/index.ts';
import { CommandFailed } from '../failure.ts';
import { explainCall, type RegistryConnection } from '../registry-connection.ts';

export interface FailedCall extends Pick<RegistryConnection, 'address' | 'isRemembered' | 'isTls'> {
  /** "the tool compute_pricing". */
  readonly what: string;
  readonly timeoutMs: number;
}

/** @returns a CommandFailed where it is one for people */
export function explainServerCall(error: unknown, failed: FailedCall): unknown {
  if (error instanceof TypeError) return new CommandFailed(onOneLine(error.message), { cause: error });
  if (!(error instanceof CallError)) return error;
  const { reason, code, tried, facts } = error;
  const sentence = (message: string) => new CommandFailed(message, { cause: error });
  if (reason === 'NO_ENDPOINT') {
    return sentence(`no server that this token may see offers ${failed.what}: "mcp2 lookup" shows what it may see`);
  }
  // Refused here, before any call.
  if (tried.length === 0 && !error.reachedServer && reason !== undefined && reason !== 'DEADLINE_EXCEEDED') {
    return sentence(`${onOneLine(error.message)} (${reason})`);
  }
  // It ended at the registry.
  if (tried.length === 0) return explainCall(error, failed);
  const where = `tried: ${tried.map(onOneLine).join(', ')}`;
  if (reason === 'DEADLINE_EXCEEDED' || (reason === undefined && code === status.DEADLINE_EXCEEDED)) {
    return sentence(`no answer within ${failed.timeoutMs / 1000} s (${where}); --timeout waits longer`);
  }
  if (reason === undefined && code === status.UNAVAILABLE) {
    const sent = error.reachedServer ? 'the connection broke before the answer came' : 'no connection';
    return sentence(`${failed.what} got no answer: ${sent} (${where})`);
  }
  const details = error.cause instanceof Error && 'details' in error.cause ? error.cause.details : error.message;
  const at = facts.path ? ` at ${onOneLine(facts.path)}` : '';
  return sentence(`${onOneLine(String(details))} (${reason ?? status[code]}${at}; ${where})`);
}
