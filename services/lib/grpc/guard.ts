/**
 * Where a call is let through or refused: before its handler, and before every middleware of others.
 *
 * grpc only knows when a guard is asked; what it asks is services/lib/middleware/guard.ts. A server cannot be made without
 * guards, and a method that has none does not start, so that authorization cannot be forgotten.
 */
import { ServiceError } from '../errors.ts';
import type { CallContext } from './call-context.ts';
import { RefusedRequest, type ServerHandler, type ServerMiddleware } from './method.ts';

/** Throws or rejects with the ServiceError that refuses the call; synchronous when it can be. */
export type Guard = (message: unknown, call: CallContext) => void | Promise<void>;

export type MethodGuard =
  /** Anybody may call. */
  | { readonly on: 'nothing' }
  /** The one request, or the first message of a stream. */
  | { readonly on: 'request' | 'first'; readonly check: Guard }
  /** Every message of a stream; what is remembered from one to the next belongs to that stream. */
  | {
      readonly on: 'each';
      readonly begin: () => Guard;
      /** True for a refusal that ends its message and not the stream: the handler gets a RefusedRequest in its place. */
      readonly isRefusedAlone?: (error: unknown) => error is ServiceError;
    };

/** @param method "Discovery.Lookup". @throws Error for a method without a rule. */
export type Guards = (method: string) => MethodGuard;

/** The outermost layer of a method. @throws Error when the guard does not fit the kind of method. */
export function guarded(guard: MethodGuard): ServerMiddleware {
  return (next, { name, requestStream, responseStream }) => {
    if (guard.on === 'nothing') return next;
    if (requestStream !== (guard.on !== 'request')) throw new Error(`${name} has a guard for another kind of method`);
    if (guard.on === 'request')
      return responseStream ? beforeReplies(next, guard.check) : beforeReply(next, guard.check);
    return responseStream ? repliesAfterFirst(next, guard) : replyAfterFirst(next, guard);
  };
}

function beforeReply(next: ServerHandler, check: Guard): ServerHandler {
  return (request, call) => {
    const checked = check(request, call);
    return checked === undefined ? next(request, call) : checked.then(() => next(request, call));
  };
}

function beforeReplies(next: ServerHandler, check: Guard): ServerHandler {
  return (request, call) => {
    const checked = check(request, call);
    return checked === undefined ? next(request, call) : repliesAfter(checked, () => next(request, call));
  };
}

async function* repliesAfter(checked: Promise<void>, open: () => unknown): AsyncGenerator {
  await checked;
  yield* open() as AsyncIterable<unknown>;
}

type StreamGuard = Exclude<MethodGuard, { readonly on: 'nothing' | 'request' }>;

function replyAfterFirst(next: ServerHandler, guard: StreamGuard): ServerHandler {
  return async (messages, call) => next(await admitted(messages, call, guard), call);
}

function repliesAfterFirst(next: ServerHandler, guard: StreamGuard): ServerHandler {
  return async function* (messages, call) {
    yield* next(await admitted(messages, call, guard), call) as AsyncIterable<unknown>;
  };
}

/** The same messages, once the first was let through: a handler that reads none must not begin without it either. */
async function admitted(messages: unknown, call: CallContext, guard: StreamGuard): Promise<AsyncIterable<unknown>> {
  const admit = admission(guard, call);
  const iterator = (messages as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  const first = await iterator.next();
  // Nobody was asked who calls, so nothing may be answered.
  if (first.done) throw new ServiceError('ARGUMENT_INVALID', 'the stream ended before its first message');
  const message = await admit(first.value);
  return resume(message, iterator, guard.on === 'each' ? admit : undefined);
}

/** @returns what the handler gets for a message: itself, or the refusal that is this message's alone. */
function admission(guard: StreamGuard, call: CallContext): (message: unknown) => unknown {
  if (guard.on !== 'each') {
    return async (message) => {
      await guard.check(message, call);
      return message;
    };
  }
  const check = guard.begin();
  const { isRefusedAlone = () => false } = guard;
  const refuse = (error: unknown): RefusedRequest => {
    if (!isRefusedAlone(error)) throw error;
    return new RefusedRequest(error as ServiceError);
  };
  return function admit(message) {
    try {
      const checked = check(message, call);
      return checked === undefined ? message : checked.then(() => message, refuse);
    } catch (error) {
      return refuse(error);
    }
  };
}

async function* resume(
  first: unknown,
  rest: AsyncIterator<unknown>,
  admitNext: ((message: unknown) => unknown) | undefined,
): AsyncGenerator {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      const admittedMessage = admitNext === undefined ? next.value : admitNext(next.value);
      yield admittedMessage instanceof Promise ? await admittedMessage : admittedMessage;
    }
  } finally {
    await rest.return?.();
  }
}
