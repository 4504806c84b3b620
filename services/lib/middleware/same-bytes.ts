/**
 * Reads that are asked for again to the byte, as clients do: nothing is decoded, searched or authorized anew.
 *
 * What a request came to is kept under the hash of its bytes, which shows nothing of the token in them; when it comes
 * again, the token is asked once more whether it still holds. So this is for methods whose rule depends on the request
 * and the token alone, never on what is stored, and for reads: a write asks more than its token.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CallContext } from '../grpc/call-context.ts';
import type { EncodedRequest } from '../grpc/method.ts';
import type { UnaryHandler } from '../grpc/unary.ts';
import type { VerifiedToken } from '../token/verified-token.ts';
import type { Reauthenticate } from './authenticate.ts';

/** One read method. `Outcome` is what a request came to, with all that its answer is encoded from. */
export interface RepeatedRead<Request, Outcome extends object> {
  /** Whether the request's bytes say who asks. A token in metadata is no part of them, and nothing is kept. */
  carriesToken(request: Request): boolean;
  /** For a request that the guard let through. */
  ask(request: Request, call: CallContext): Outcome | Promise<Outcome>;
  /** The same object when it still holds, another one when it was made anew; undefined when it must be asked for again. */
  renew(outcome: Outcome, call: CallContext): Outcome | undefined;
  encode(outcome: Outcome): Buffer;
  byteLength(outcome: Outcome): number;
}

/**
 * One read method whose answers are kept elsewhere, or not at all: what is kept here is the request as it was read and
 * checked.
 */
export interface PreparedRead<Request, Prepared extends object> {
  carriesToken(request: Request): boolean;
  /** For a request that the guard let through. */
  prepare(request: Request, call: CallContext): Prepared;
  /** What was prepared holds for as long as this is the same object; then all of it is forgotten. */
  basis(): object;
  answer(prepared: Prepared, call: CallContext): Buffer | Promise<Buffer>;
  byteLength(prepared: Prepared): number;
}

interface Kept<Outcome> {
  readonly caller: VerifiedToken;
  readonly requestBytes: number;
  readonly outcome: Outcome;
}

/** Of all requests that are kept, with their answers. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Longer requests are looked at each time; with a token of the usual size most are below 1 KiB. */
const MAX_KEPT_REQUEST_BYTES = 8 * 1024;
/** What a kept request takes besides its answer, roughly: a few times its bytes, and the objects around them. */
const KEPT_BYTES_A_REQUEST_BYTE = 4;
const KEPT_OVERHEAD_BYTES = 1024;

export function answerSameBytes<Request, Response, Outcome extends object>(
  read: RepeatedRead<Request, Outcome>,
  reauthenticate: Reauthenticate,
): UnaryHandler<EncodedRequest<Request>, Response> {
  const kept = createMemory<Outcome>((outcome) => read.byteLength(outcome));

  return function answer(encoded, call) {
    const key = keyOf(encoded.bytes);
    const before = key === undefined ? undefined : kept.get(key);
    if (key !== undefined && before !== undefined && reauthenticate(before.caller, call)) {
      const outcome = read.renew(before.outcome, call);
      if (outcome !== undefined) {
        if (outcome !== before.outcome) kept.set(key, { ...before, outcome });
        return read.encode(outcome);
      }
    }
    const request = encoded.open(call);
    return request instanceof Promise
      ? request.then((opened) => ask(opened, encoded.bytes.length, key, call))
      : ask(request, encoded.bytes.length, key, call);
  };

  function ask(request: Request, requestBytes: number, key: string | undefined, call: CallContext) {
    const outcome = read.ask(request, call);
    const keptAs = read.carriesToken(request) ? key : undefined;
    if (outcome instanceof Promise) return outcome.then((made) => keep(made, requestBytes, keptAs, call));
    return keep(outcome, requestBytes, keptAs, call);
  }

  function keep(outcome: Outcome, requestBytes: number, key: string | undefined, call: CallContext): Buffer {
    if (key !== undefined) kept.set(key, { caller: call.requireCaller(), requestBytes, outcome });
    return read.encode(outcome);
  }
}

export function prepareSameBytes<Request, Response, Prepared extends object>(
  read: PreparedRead<Request, Prepared>,
  reauthenticate: Reauthenticate,
): UnaryHandler<EncodedRequest<Request>, Response> {
  const kept = createMemory<Prepared>((prepared) => read.byteLength(prepared));
  let basis = read.basis();

  return function answer(encoded, call) {
    forgetWhatIsOver();
    const key = keyOf(encoded.bytes);
    const before = key === undefined ? undefined : kept.get(key);
    if (before !== undefined && reauthenticate(before.caller, call)) return read.answer(before.outcome, call);
    const request = encoded.open(call);
    if (request instanceof Promise) return request.then((opened) => begin(opened, encoded.bytes.length, key, call));
    return begin(request, encoded.bytes.length, key, call);
  };

  function forgetWhatIsOver(): void {
    const current = read.basis();
    if (current === basis) return;
    basis = current;
    kept.clear();
  }

  function begin(request: Request, requestBytes: number, key: string | undefined, call: CallContext) {
    // A guard that had to wait may have seen a change meanwhile.
    forgetWhatIsOver();
    const prepared = read.prepare(request, call);
    if (key !== undefined && read.carriesToken(request)) {
      kept.set(key, { caller: call.requireCaller(), requestBytes, outcome: prepared });
    }
    return read.answer(prepared, call);
  }
}

function createMemory<Outcome>(byteLength: (outcome: Outcome) => number): LRUCache<string, Kept<Outcome>> {
  const sizeCalculation = ({ requestBytes, outcome }: Kept<Outcome>) =>
    requestBytes * KEPT_BYTES_A_REQUEST_BYTE + byteLength(outcome) + KEPT_OVERHEAD_BYTES;
  return new LRUCache<string, Kept<Outcome>>({ maxSize: MAX_KEPT_BYTES, sizeCalculation });
}

function keyOf(bytes: Buffer): string | undefined {
  return bytes.length > MAX_KEPT_REQUEST_BYTES ? undefined : hash('sha256', bytes, 'base64url');
}
