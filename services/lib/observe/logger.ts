/**
 * Structured logs: one JSON object a line (pino).
 *
 * Fields that carry credentials are censored here as a second line of defence; the first is never to log a request. The
 * list reaches two levels deep. Errors are written by an own serializer: pino's copies every property of an error, and
 * those of gRPC clients carry the call's metadata.
 */
import { type DestinationStream, destination, pino } from 'pino';
import type { Logger } from '../logger.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** The process, for example "registry"; in every line as `service`. */
  readonly service: string;
  readonly level: LogLevel;
  /** Default stderr: stdout belongs to what a command prints. */
  readonly stream?: DestinationStream;
}

const SECRET_FIELDS = [
  'token',
  'capability_token',
  'requester_token',
  'registration_token',
  'publisher_token',
  'subscriber_token',
  'subject_token',
  'actor_token',
  'lease_token',
  'agent_delegation_proof',
  'credential',
  'proof',
  'authorization',
  'password',
  'privateKey',
  'private_key',
];

export function createLogger({ service, level, stream = destination({ dest: 2, sync: true }) }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError, cause: describeError },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
        censor: '[redacted]',
      },
    },
    stream,
  );
}

const MAX_CAUSES = 5;

/**
 * Name, message, reason or code, stack and the chain of causes; no other property of the error. One with a reason was
 * foreseen: where it and its causes come from is known, and their stacks would only hide what they say.
 */
function describeError(error: unknown, depth = 0, isForeseen = false): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? '[not an error]' : String(error);
  const { code, reason } = error as { code?: unknown; reason?: unknown };
  const isKnown = isForeseen || (typeof reason === 'string' && reason !== 'INTERNAL');
  return {
    type: error.name,
    message: error.message,
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(isKnown ? {} : { stack: error.stack }),
    ...(error.cause !== undefined && depth < MAX_CAUSES
      ? { cause: describeError(error.cause, depth + 1, isKnown) }
      : {}),
  };
}
