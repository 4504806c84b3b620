/**
 * Unary calls to etcd: a deadline on each, reads again on the next member, writes once.
 *
 * A write that fails may have been applied, and a second try of it would be answered as a conflict: so it is never
 * repeated here. Instead a write goes only to a member that answered its last call; otherwise a read goes first,
 * which may be repeated as often as it takes, and finds a member that works.
 */
import type { CallOptions } from '@grpc/grpc-js';
import {
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCAbortedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCInternalError,
  GRPCUnauthenticatedError,
  GRPCUnavailableError,
  GRPCUnknownError,
} from 'etcd3';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { CompactedError, LeaseGoneError } from '../store.ts';
import { CallFailure, type Member, type Members, requireLeader } from './members.ts';

export interface CallsOptions {
  readonly members: Members;
  readonly clock: Clock;
  readonly random: () => number;
  /** Until a member counts as failed. */
  readonly attemptTimeoutMs: number;
  /** Of a read with all its attempts. */
  readonly callTimeoutMs: number;
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal;
}

export type MemberCall<T> = (member: Member, options: CallOptions, timeoutMs: number) => Promise<T>;

export class EtcdCalls {
  readonly #options: CallsOptions;
  #search: Promise<void> | undefined;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * Repeats the call on other members until one answers or `callTimeoutMs` is over: only for what may run twice.
   *
   * @throws ServiceError STORE_UNAVAILABLE; any other answer of etcd as it is
   */
  async repeat<T>(call: MemberCall<T>): Promise<T> {
    const { clock, random, callTimeoutMs, closed } = this.#options;
    const backoff = new Backoff({ baseMs: 50, capMs: 1_000, random });
    const endsAtMs = clock.monotonicMs() + callTimeoutMs;
    for (;;) {
      const outcome = await this.#attempt(call, endsAtMs - clock.monotonicMs());
      if ('value' in outcome) return outcome.value;
      const waitMs = backoff.nextMs();
      if (clock.monotonicMs() + waitMs >= endsAtMs) throw toStoreError(outcome.trouble);
      await clock.sleep(waitMs, closed).catch(() => undefined);
      checkOpen(closed);
    }
  }

  /**
   * Makes the call once, on a member that is known to answer.
   *
   * @throws ServiceError STORE_UNAVAILABLE: it may or may not have happened; any other answer of etcd as it is
   */
  async once<T>(call: MemberCall<T>, readableKey: string): Promise<T> {
    if (!this.#options.members.answering) {
      this.#search ??= this.#findMember(readableKey).finally(() => {
        this.#search = undefined;
      });
      await this.#search;
    }
    const outcome = await this.#attempt(call, this.#options.callTimeoutMs);
    if ('value' in outcome) return outcome.value;
    throw toStoreError(outcome.trouble);
  }

  async #findMember(readableKey: string): Promise<void> {
    const key = Buffer.from(readableKey);
    await this.repeat((member, options) => member.calls.kv.range({ key, count_only: true }, options));
  }

  async #attempt<T>(call: MemberCall<T>, leftMs: number): Promise<{ value: T } | { trouble: unknown }> {
    const { members, clock, attemptTimeoutMs } = this.#options;
    checkOpen(this.#options.closed);
    const timeoutMs = Math.max(1, Math.min(attemptTimeoutMs, leftMs));
    const member = members.current;
    try {
      // grpc-js compares it with the wall clock.
      const deadline = clock.nowMs() + timeoutMs;
      const value = await call(member, { deadline, interceptors: [requireLeader] }, timeoutMs);
      members.answered(member);
      return { value };
    } catch (failure) {
      const error = failure instanceof CallFailure ? failure.cause : failure;
      if (!isMemberTrouble(error)) {
        members.answered(member);
        throw error;
      }
      members.failed(member);
      return { trouble: error };
    }
  }
}

/** The member did not answer properly, or at all; another one may, or this one later. */
const MEMBER_TROUBLES = [
  GRPCUnavailableError,
  GRPCDeadlineExceededError,
  GRPCCancelledError,
  GRPCUnknownError,
  GRPCInternalError,
  GRPCAbortedError,
];

/** Whether the member is the problem, and not what was asked of it. */
export function isMemberTrouble(error: unknown): boolean {
  return error instanceof StreamTrouble || MEMBER_TROUBLES.some((type) => error instanceof type);
}

/** A stream to a member broke or stayed silent for too long. */
export class StreamTrouble extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StreamTrouble';
  }
}

/** What a caller of the store gets to see of an error; the original is its cause. */
export function toStoreError(error: unknown): Error {
  if (error instanceof ServiceError || error instanceof CompactedError || error instanceof LeaseGoneError) return error;
  if (error instanceof EtcdLeaseInvalidError) return new LeaseGoneError();
  const refused = error instanceof EtcdPermissionDeniedError || error instanceof GRPCUnauthenticatedError;
  const message = refused
    ? 'the store refuses this component: the common name of its certificate needs a user and a role in etcd'
    : 'the store did not answer; try again';
  return new ServiceError('STORE_UNAVAILABLE', message, { cause: error });
}

export function checkOpen(closed: AbortSignal): void {
  if (closed.aborted) throw new ServiceError('SHUTTING_DOWN', 'the store is closed');
}
