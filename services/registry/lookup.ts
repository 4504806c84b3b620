/**
 * Lookup: who offers this, among the servers that the caller may see?
 *
 * Everything comes from memory, and with a token that was verified before there is no `await` between request and
 * answer; the store may be away.
 *
 * Clients repeat themselves to the byte. What a request came to is kept under the hash of its bytes, which shows nothing
 * of the token; when it comes again nothing is decoded, searched or encoded, but the token is asked once more.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { EncodedRequest } from '#lib/grpc/method.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { Authenticate, Reauthenticate } from '#lib/middleware/authenticate.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { LookupRequest__Output } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import { type Answer, type AnswerSources, Answers } from './answer.ts';
import { Callers } from './caller.ts';
import { type AnonymousRequest, type LookupQuery, readQuery, requireFewFilters } from './lookup-query.ts';
import type { RegistrationIndex } from './registration-index.ts';

/** How long `min_revision` is waited for. */
export const REACH_TIMEOUT_MS = 2_000;
/** Of all requests that are kept, with their answers. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Longer requests are looked at each time; with a token of the usual size and a few filters it is below 1 KiB. */
const MAX_KEPT_REQUEST_BYTES = 8 * 1024;
/** What a kept request takes besides its answer, roughly: a few times its bytes, and the objects around them. */
const KEPT_BYTES_A_REQUEST_BYTE = 4;
const KEPT_OVERHEAD_BYTES = 1024;

export interface LookupDependencies extends AnswerSources {
  readonly authenticate: Authenticate;
  readonly reauthenticate: Reauthenticate;
  readonly index: RegistrationIndex;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told how many endpoints each answer holds. */
  readonly onAnswer?: (endpoints: number) => void;
}

type Lookup = UnaryHandler<EncodedRequest<LookupRequest__Output>, LookupResponse>;

/** A request of this call, decoded. */
interface Arrived {
  readonly request: LookupRequest__Output;
  readonly call: CallContext;
  readonly requestBytes: number;
  /** What it is kept under; undefined when it is not to be kept. */
  readonly key: string | undefined;
}

/** A request that passed every check. */
interface Asked extends Pick<Arrived, 'requestBytes' | 'key'> {
  readonly token: VerifiedToken;
  readonly request: AnonymousRequest;
  readonly query: LookupQuery;
}

interface Kept extends Asked {
  readonly answer: Answer;
}

export function createLookup({ authenticate, reauthenticate, ...sources }: LookupDependencies): Lookup {
  const { index, random, encode, onAnswer } = sources;
  const callers = new Callers((descriptor) => encode({ endpoints: [descriptor] }));
  const answers = new Answers(sources);
  const kept = new LRUCache<string, Kept>({ maxSize: MAX_KEPT_BYTES, sizeCalculation: sizeOf });

  return function lookup(encoded, call) {
    const key = keyOf(encoded.bytes);
    const before = key === undefined ? undefined : kept.get(key);
    if (before !== undefined && index.has(before.request.min_revision) && reauthenticate(before.token, call)) {
      return answers.isCurrent(before.answer, call.startedMs) ? send(before.answer) : answer(before);
    }
    return begin({ request: encoded.decode(), call, requestBytes: encoded.bytes.length, key });
  };

  function begin(arrived: Arrived) {
    const { request, call } = arrived;
    const token = authenticate({ token: request.requester_token, proof: request.agent_delegation_proof }, call);
    if (token instanceof Promise) return token.then((verified) => whenReached(verified, arrived));
    return whenReached(token, arrived);
  }

  function whenReached(token: VerifiedToken, arrived: Arrived) {
    const { request, call } = arrived;
    if (!index.isLoaded) throw new ServiceError('STORE_UNAVAILABLE', 'the registry is still loading; try again');
    const asked = ask(token, arrived);
    if (index.has(request.min_revision)) return answer(asked);
    return index.reach(request.min_revision, REACH_TIMEOUT_MS, call.signal).then(() => answer(asked));
  }

  function ask(token: VerifiedToken, { request, requestBytes, key }: Arrived): Asked {
    requireFewFilters(request);
    const query = readQuery(request, callers.of(token).mayLookUp(request.capability_filter));
    const { requester_token, ...anonymous } = request;
    // A token in metadata is no part of the bytes, which then do not say who asks.
    return { token, request: anonymous, query, requestBytes, key: requester_token === '' ? undefined : key };
  }

  function answer(asked: Asked): Buffer {
    const { token, request, query, key } = asked;
    const made = answers.make({ caller: callers.of(token), request, query });
    if (key !== undefined) kept.set(key, { ...asked, answer: made });
    return send(made);
  }

  function send(made: Answer): Buffer {
    onAnswer?.(made.endpointCount);
    return made.encode(random);
  }
}

function keyOf(bytes: Buffer): string | undefined {
  return bytes.length > MAX_KEPT_REQUEST_BYTES ? undefined : hash('sha256', bytes, 'base64url');
}

function sizeOf({ requestBytes, answer }: Kept): number {
  return requestBytes * KEPT_BYTES_A_REQUEST_BYTE + answer.byteLength + KEPT_OVERHEAD_BYTES;
}
