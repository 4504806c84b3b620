/** One call as the function that answers it sees it. Made for each call, on the hot path: what costs something is made late. */
import type { Clock } from '#lib/clock.ts';
import { hasReason, ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { Logger } from '#lib/logger.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { Caller, KeyedCall, ToolCall } from './declaration.ts';

export interface RunningCallOptions {
  readonly invocationId: string;
  /** "" for none. */
  readonly idempotencyKey?: string;
  readonly keyed?: KeyedCall | undefined;
}

/** More are dropped. */
const MAX_WARNINGS = 32;
/** Longer ones are cut. */
const MAX_WARNING_CHARS = 512;
const CONTROL_CHARACTERS = /\p{Cc}+/gu;

export class RunningCall implements ToolCall {
  readonly invocationId: string;
  readonly idempotencyKey: string | undefined;
  readonly keyed: KeyedCall | undefined;
  readonly #context: CallContext;
  #warnings: string[] | undefined;
  #log: Logger | undefined;

  constructor(context: CallContext, { invocationId, idempotencyKey = '', keyed }: RunningCallOptions) {
    this.#context = context;
    this.invocationId = invocationId;
    this.idempotencyKey = idempotencyKey === '' ? undefined : idempotencyKey;
    this.keyed = keyed;
  }

  get caller(): Caller {
    const { iss, sub } = this.#context.requireCaller();
    return { iss, sub };
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }

  get deadlineMs(): number {
    return Math.min(this.#context.deadlineMs, endOf(this.#context.requireCaller()));
  }

  get log(): Logger {
    this.#log ??= this.#context.log.child({ invocationId: this.invocationId });
    return this.#log;
  }

  /** Each on one line. */
  get warnings(): readonly string[] {
    return this.#warnings ?? [];
  }

  warn(warning: string): void {
    this.#warnings ??= [];
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(toLine(warning));
  }
}

/** For people, on one line of bounded length. */
export function toLine(text: string): string {
  return text.slice(0, MAX_WARNING_CHARS).replace(CONTROL_CHARACTERS, ' ').toWellFormed();
}

/** What is told to end with the token ends by its own timer, which may be that much ahead of ours. */
const EARLY_MS = 100;

/** Settles as the work does, or fails when the caller's token ends before its deadline; the call's signal fires then. */
export function untilTokenEnds<T>(work: Promise<T>, context: CallContext, clock: Clock): Promise<T> {
  const endMs = endOf(context.requireCaller());
  if (endMs >= context.deadlineMs) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const over = new AbortController();
  const end = () => {
    const error = new ServiceError('TOKEN_EXPIRED', 'the token ended before the answer was ready; get a new one');
    context.abort(error);
    reject(error);
  };
  const fail = (error: unknown) => {
    // The deadline that it was given is the token's end, of which the caller knows no deadline.
    if (hasReason(error, 'DEADLINE_EXCEEDED') && clock.nowMs() >= endMs - EARLY_MS) end();
    else reject(error);
  };
  clock.sleep(Math.max(0, endMs - clock.nowMs()), over.signal).then(end, () => undefined);
  work
    .then(resolve, fail)
    .finally(() => over.abort())
    .catch(() => undefined);
  return promise;
}

function endOf({ exp }: VerifiedToken): number {
  return exp * 1000;
}
