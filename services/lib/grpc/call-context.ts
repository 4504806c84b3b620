/**
 * What a handler knows about the call it answers, besides the request.
 *
 * One object a call, on the hot path: everything that costs something (signal, child logger, peer, certificate) is made
 * when it is first asked for. `finish` is where a call is counted, exactly once, however it ended.
 */
import { type Metadata, type MetadataValue, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { type Reason, ServiceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { TokenNotValidNow, type VerifiedToken } from '../token/verified-token.ts';
import type { CallMeter } from './call-metrics.ts';
import { type StatusObject, statusCodeOf } from './status.ts';

/** How one call ended. */
export interface CallEnd {
  readonly call: CallContext;
  readonly code: status;
  /** Absent for OK and for a call that the client gave up. */
  readonly reason: Reason | undefined;
  readonly durationSeconds: number;
}

export interface CallLimits {
  /** Request metadata, names and values together. Default 8 KiB: what gRPC core accepts. */
  readonly maxMetadataBytes: number;
  /** What a unary call gets whose client set no deadline. Default 30 000. */
  readonly assumedDeadlineMs: number;
  /** A server stream whose reader takes nothing for this long is ended. Default 60 000. */
  readonly drainTimeoutMs: number;
}

/** What all calls of one method share; made once, when the method is registered. */
export interface MethodRuntime {
  /** "Discovery.Lookup". */
  readonly method: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: CallLimits;
  /** The bytes of an answer; a Buffer is encoded already. @throws when it is too large or no such message. */
  readonly encode: (answer: unknown) => Buffer;
  readonly meter: CallMeter;
  /** For audit: called once for each call that ended, in the same tick; must be quick. */
  readonly onCallEnd: ((end: CallEnd) => void) | undefined;
  /** Calls that outlived the tick they began in; told when the server stops. */
  readonly open: Set<CallContext>;
}

/** The part of grpc-js' four call types that they share. */
export type ServerCall = Pick<
  ServerUnaryCall<unknown, unknown>,
  'metadata' | 'cancelled' | 'getPeer' | 'getDeadline' | 'getAuthContext'
>;

/** All values of each key, in lower case. */
export type MetadataEntries = Readonly<Record<string, readonly MetadataValue[]>>;

/** The client hung up or lost its connection; the reason of `CallContext.signal`. Nobody is left to read an answer. */
export class CallCancelled extends Error {
  constructor() {
    super('the client cancelled the call');
    this.name = 'CallCancelled';
  }
}

export class CallContext {
  /** Who calls, with which rights; undefined until the guard has verified the token, and for methods that are open. */
  caller: VerifiedToken | undefined;
  /** For audit: the message that the guard looked at last. */
  guarded: unknown;
  /** For audit: whose token was refused although it is genuine. Never a caller. */
  refusedCaller: VerifiedToken | undefined;
  /** Monotonic; spares a handler another look at the clock. */
  readonly startedMs: number;
  readonly #call: ServerCall;
  readonly #runtime: MethodRuntime;
  #ended = false;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #log: Logger | undefined;
  #metadataEntries: MetadataEntries | undefined;

  constructor(call: ServerCall, runtime: MethodRuntime) {
    this.#call = call;
    this.#runtime = runtime;
    this.startedMs = runtime.clock.monotonicMs();
    runtime.meter.started();
  }

  /** "Discovery.Lookup". */
  get method(): string {
    return this.#runtime.method;
  }

  /** True when requests or answers are a stream. */
  get isStream(): boolean {
    return this.#runtime.requestStream || this.#runtime.responseStream;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  /** The same as one object, made once: each `metadata.get` checks and folds its key anew. */
  get metadataEntries(): MetadataEntries {
    this.#metadataEntries ??= this.#call.metadata.toJSON();
    return this.#metadataEntries;
  }

  /** address:port of the connection; of a proxy, where there is one. */
  get peer(): string {
    return this.#call.getPeer();
  }

  /** Common name of the client's verified certificate; undefined without mTLS. */
  get certificateName(): string | undefined {
    const name: unknown = this.#call.getAuthContext().sslPeerCertificate?.subject?.CN;
    return typeof name === 'string' ? name : undefined;
  }

  /** For handlers of methods that are not open. @throws Error when the method's guard asks for no token. */
  requireCaller(): VerifiedToken {
    if (this.caller !== undefined) return this.caller;
    throw new Error(`${this.method} is open: nobody asked who calls`);
  }

  /** True when the client itself set a deadline, which grpc-js then enforces. */
  get hasClientDeadline(): boolean {
    return Number.isFinite(Number(this.#call.getDeadline()));
  }

  /** When the answer must be out, in Unix milliseconds; Infinity for a stream without a deadline. */
  get deadlineMs(): number {
    const deadline = Number(this.#call.getDeadline());
    if (Number.isFinite(deadline)) return deadline;
    if (this.isStream) return Number.POSITIVE_INFINITY;
    const { clock, limits } = this.#runtime;
    return clock.nowMs() + this.startedMs + limits.assumedDeadlineMs - clock.monotonicMs();
  }

  /** Fires when the client leaves, when the deadline passes and when the server ends the call; not on a normal end. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
      else if (this.#call.cancelled && !this.#ended) this.#controller.abort(this.cancellation());
    }
    return this.#controller.signal;
  }

  /** Names the method and the peer in every line. */
  get log(): Logger {
    this.#log ??= this.#runtime.log.child({ rpc: this.method, peer: this.peer });
    return this.#log;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** For the adapters: fires the signal. The first reason stays. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** For the adapters: why grpc-js says that the call is cancelled, which includes the client's deadline. */
  cancellation(): Error {
    const deadline = Number(this.#call.getDeadline());
    if (this.#runtime.clock.nowMs() < deadline) return new CallCancelled();
    return new ServiceError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready');
  }

  /** For the adapters: counts and reports the end of the call; later calls do nothing. */
  finish(code: status, reason?: Reason): void {
    if (this.#ended) return;
    this.#ended = true;
    const { clock, meter, open } = this.#runtime;
    const durationSeconds = (clock.monotonicMs() - this.startedMs) / 1000;
    open.delete(this);
    meter.ended(code, durationSeconds);
    this.#report({ call: this, code, reason, durationSeconds });
  }

  #report(end: CallEnd): void {
    const { onCallEnd } = this.#runtime;
    if (onCallEnd === undefined) return;
    try {
      onCallEnd(end);
    } catch (error) {
      this.log.error({ err: error }, 'audit of a call failed');
    }
  }

  /** For a stream that goes on: one of its messages was refused, which is recorded as a refused call is. */
  refuse(error: ServiceError): void {
    const durationSeconds = (this.#runtime.clock.monotonicMs() - this.startedMs) / 1000;
    this.#report({ call: this, code: statusCodeOf(error.reason), reason: error.reason, durationSeconds });
  }

  /** For the adapters: ends a call that failed, logs what the caller must not see, and gives what to send. */
  fail(error: unknown, answer: StatusObject): StatusObject {
    if (this.#ended) return answer;
    if (!(error instanceof ServiceError)) this.log.error({ err: error }, 'call failed for an unforeseen reason');
    else if (error.cause !== undefined) this.log.warn({ err: error }, 'call failed');
    if (error instanceof TokenNotValidNow) this.refusedCaller = error.token;
    this.finish(answer.code, answer.reason);
    return answer;
  }

  /** For the adapters: ends a call that nobody waits for any more. */
  cancel(reason: Error): void {
    if (reason instanceof ServiceError) this.finish(status.DEADLINE_EXCEEDED, reason.reason);
    else this.finish(status.CANCELLED);
    this.abort(reason);
  }
}
