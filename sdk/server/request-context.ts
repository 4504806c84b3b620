/**
 * ContextTool.RequestContext: which context is meant, its parameters checked, then the cache, then whoever reads it.
 *
 * With a token that was verified before and a reader that answers at once there is no `await` from request to answer. A
 * request that comes again to the byte is not even decoded (`prepareSameBytes`).
 */
import { canonicalJson } from '#lib/canonical-json.ts';
import { quote } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { decodeParameters } from '#lib/json-schema/arguments.ts';
import type { PreparedRead } from '#lib/middleware/same-bytes.ts';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import { accepts } from './accepts.ts';
import { type EncodeContext, EncodedContext } from './context-answer.ts';
import type { ContextAnswer, JsonObject } from './declaration.ts';
import type { OfferedContext } from './offer.ts';
import { RunningCall, untilTokenEnds } from './running-call.ts';
import type { Serving } from './serving.ts';
import type { ServingCounts } from './serving-metrics.ts';

export interface ContextReaderParts {
  readonly current: () => Serving;
  readonly encode: EncodeContext;
  readonly clock: Clock;
  readonly nextInvocationId: () => string;
  readonly counts: ServingCounts;
}

export interface PreparedContext {
  readonly serving: Serving;
  readonly context: OfferedContext;
  readonly key: string;
  readonly segments: Readonly<Record<string, string>>;
  readonly parameters: JsonObject;
  readonly accept: string;
  /** "" for none. */
  readonly etag: string;
  /** Undefined for a context without a cache. */
  readonly cacheKey: string | undefined;
}

const MAX_ACCEPT_CHARS = 255;

export class ContextReader implements PreparedRead<ContextRequest__Output, PreparedContext> {
  readonly #parts: ContextReaderParts;
  /** A reader that gives the same object again gives the same answer: a static text is encoded once. */
  readonly #encoded = new WeakMap<ContextAnswer, EncodedContext>();

  constructor(parts: ContextReaderParts) {
    this.#parts = parts;
  }

  carriesToken(request: ContextRequest__Output): boolean {
    return request.capability_token !== '';
  }

  /** @throws ServiceError CONTEXT_UNKNOWN or ARGUMENT_INVALID */
  prepare(request: ContextRequest__Output, call: CallContext): PreparedContext {
    const { context_key: key, accept, if_none_match: etag } = request;
    const serving = this.#parts.current();
    const found = serving.offer.findContext(key);
    if (found === undefined) throw unknown(key);
    if (accept.length > MAX_ACCEPT_CHARS) throw invalid('accept', `has more than ${MAX_ACCEPT_CHARS} characters`);
    const { value: context, segments } = found;
    const parameters = decodeParameters(context.parameters, request.parameters);
    const cacheKey = cacheKeyOf(context, { key, parameters, accept }, call);
    return { serving, context, key, segments, parameters, accept, etag, cacheKey };
  }

  basis(): Serving {
    return this.#parts.current();
  }

  byteLength({ cacheKey = '', etag }: PreparedContext): number {
    return 2 * (cacheKey.length + etag.length);
  }

  /** @throws ServiceError, or rejects with one */
  answer(prepared: PreparedContext, call: CallContext): Buffer | Promise<Buffer> {
    const { cacheKey, serving } = prepared;
    if (cacheKey === undefined) return this.#read(prepared, call);
    const kept = this.#findKept(prepared, call);
    if (kept !== undefined) return kept;
    const reading = serving.cache.readingOf(cacheKey);
    if (reading !== undefined)
      return untilTokenEnds(this.#answerAfter(reading, prepared, call), call, this.#parts.clock);
    this.#parts.counts.cacheMisses += 1;
    const answer = this.#read(prepared, call);
    if (answer instanceof Promise) serving.cache.beginReading(cacheKey, answer);
    return answer;
  }

  #findKept({ cacheKey = '', serving, etag }: PreparedContext, call: CallContext): Buffer | undefined {
    const kept = serving.cache.find(cacheKey, call.startedMs);
    if (kept === undefined) return undefined;
    this.#parts.counts.cacheHits += 1;
    return kept.answer.replyTo(etag, Math.max(0, call.startedMs - kept.sinceMs));
  }

  /** Somebody else reads it already. Where that came to nothing, for example since its caller left, this call goes on. */
  async #answerAfter(reading: Promise<void>, prepared: PreparedContext, call: CallContext): Promise<Buffer> {
    await reading;
    return this.#findKept(prepared, call) ?? this.answer(prepared, call);
  }

  #read(prepared: PreparedContext, call: CallContext): Buffer | Promise<Buffer> {
    const { context, key, segments, parameters } = prepared;
    const running = new RunningCall(call, { invocationId: this.#parts.nextInvocationId() });
    const answer = context.declaration.read({ key, segments, parameters }, running);
    if (!(answer instanceof Promise)) return this.#reply(prepared, answer, { call, running });
    const finished = answer.then((made) => this.#reply(prepared, made, { call, running }));
    return untilTokenEnds(finished, call, this.#parts.clock);
  }

  #reply(prepared: PreparedContext, made: ContextAnswer, { call, running }: Reading): Buffer {
    const { context, cacheKey, serving, etag, accept } = prepared;
    const answer = this.#encodedOf(made, context, running);
    if (!accepts(accept, answer.contentType)) throw notAcceptable(accept, answer.contentType);
    const { cache: policy } = context.declaration;
    if (cacheKey !== undefined && policy !== undefined) {
      serving.cache.keep(cacheKey, { answer, sinceMs: call.startedMs, ttlMs: policy.ttlMs });
    }
    return answer.replyTo(etag, 0);
  }

  #encodedOf(made: ContextAnswer, { declaration }: OfferedContext, { warnings }: RunningCall): EncodedContext {
    const before = warnings.length === 0 ? this.#encoded.get(made) : undefined;
    if (before !== undefined && before.policy === declaration.cache) return before;
    const metadata = [...(made.metadata ?? []), ...warnings.map((warning) => `warning:${warning}`)];
    const encoded = new EncodedContext({ ...made, metadata }, declaration.cache, this.#parts.encode);
    if (warnings.length === 0) this.#encoded.set(made, encoded);
    return encoded;
  }
}

interface Reading {
  readonly call: CallContext;
  readonly running: RunningCall;
}

/** Parts are joined by what none of them can hold; the last may hold anything. */
function cacheKeyOf(
  { declaration: { cache } }: OfferedContext,
  { key, parameters, accept }: { readonly key: string; readonly parameters: JsonObject; readonly accept: string },
  call: CallContext,
): string | undefined {
  if (cache === undefined) return undefined;
  const authority = cache.scope === 'Public' ? '' : call.requireCaller().authority;
  return `${authority}\n${key}\n${canonicalJson(parameters)}\n${accept}`;
}

function unknown(key: string): ServiceError {
  return new ServiceError('CONTEXT_UNKNOWN', `this server has no context ${quote(key)}; its card lists those it has`);
}

/** A field of the request itself is wrong. */
export function invalid(field: string, message: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', `${field} ${message}`, { metadata: { path: field } });
}

function notAcceptable(accept: string, contentType: string): ServiceError {
  const has = contentType === '' ? 'bytes of a type that is not stated' : contentType;
  return new ServiceError('NOT_ACCEPTABLE', `the context is ${has}, and the call accepts ${quote(accept)} alone`);
}
