/**
 * Lookup: who offers this, among the servers that the caller may see?
 *
 * Everything comes from memory, and with a token that was verified before there is no `await` between request and
 * answer; the store may be away.
 */
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { EncodedRequest } from '#lib/grpc/method.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { Reauthenticate } from '#lib/middleware/authenticate.ts';
import { answerSameBytes } from '#lib/middleware/same-bytes.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { LookupRequest__Output } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import { type Answer, type AnswerSources, Answers, type Question } from './answer.ts';
import type { Callers } from './caller.ts';
import { readQuery } from './lookup-query.ts';
import type { RegistrationIndex } from './registration-index.ts';

/** How long `min_revision` is waited for. */
export const REACH_TIMEOUT_MS = 2_000;

export interface LookupDependencies extends AnswerSources {
  readonly reauthenticate: Reauthenticate;
  readonly callers: Callers;
  readonly index: RegistrationIndex;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told how many endpoints each answer holds. */
  readonly onAnswer?: (endpoints: number) => void;
}

type Lookup = UnaryHandler<EncodedRequest<LookupRequest__Output>, LookupResponse>;

/** Without the caller, which is looked up each time: what is kept of callers has a bound of its own. */
interface Asked extends Omit<Question, 'caller'> {
  readonly token: VerifiedToken;
}

interface Outcome extends Asked {
  readonly answer: Answer;
}

export function createLookup({ reauthenticate, callers, random, onAnswer, ...sources }: LookupDependencies): Lookup {
  const { index } = sources;
  const answers = new Answers(sources);
  return answerSameBytes<LookupRequest__Output, LookupResponse, Outcome>(
    {
      carriesToken: ({ requester_token: token }) => token !== '',
      ask,
      renew,
      encode: send,
      byteLength: ({ answer: made }) => made.byteLength,
    },
    reauthenticate,
  );

  function send({ answer: made }: Outcome): Buffer {
    onAnswer?.(made.endpointCount);
    return made.encode(random);
  }

  function ask(request: LookupRequest__Output, call: CallContext): Outcome | Promise<Outcome> {
    if (!index.isLoaded) throw new ServiceError('STORE_UNAVAILABLE', 'the registry is still loading; try again');
    const asked = read(request, call.requireCaller());
    if (index.has(request.min_revision)) return answer(asked);
    return index.reach(request.min_revision, REACH_TIMEOUT_MS, call.signal).then(() => answer(asked));
  }

  function renew(outcome: Outcome, call: CallContext): Outcome | undefined {
    if (!index.has(outcome.request.min_revision)) return undefined;
    return answers.isCurrent(outcome.answer, call.startedMs) ? outcome : answer(outcome);
  }

  function read(request: LookupRequest__Output, token: VerifiedToken): Asked {
    // The guard asked the same caller, which remembers; here the filters come compiled.
    const query = readQuery(request, callers.of(token).mayLookUp(request.capability_filter));
    const { requester_token, ...anonymous } = request;
    return { token, request: anonymous, query };
  }

  function answer({ token, request, query }: Asked): Outcome {
    return { token, request, query, answer: answers.make({ caller: callers.of(token), request, query }) };
  }
}
