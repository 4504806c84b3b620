/**
 * What the conformance suite asks of whoever runs it on a log: how to start a bus on an empty one, and what can be done
 * to it beside calling it.
 */
import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect } from 'vitest';
import type { CallError } from '#lib/grpc/call-error.ts';
import type { SubscriptionInfo__Output } from '#protos/generated/mcp2/SubscriptionInfo.ts';
import type { BusCaller } from '../../harness/bus-caller.ts';
import type { BusOptions, TestBus } from '../../harness/event-bus.ts';
import type { Envelope } from '../../harness/event-reader.ts';
import { eventually } from '../../harness/eventually.ts';
import { refusalOf } from '../../harness/registry-fixture.ts';

export interface BusUnderTest {
  /** As people call it: "embedded". */
  readonly log: string;
  /** The log goes by the clock that it is given, which a test can move. */
  readonly canMoveTime: boolean;
  /** Ready, on an empty log of its own unless a folder is given. */
  start(options?: BusOptions): Promise<TestBus>;
}

/** Starts one bus for the tests of the calling group. @returns it, once the tests run */
export function useBus(under: BusUnderTest, options: () => BusOptions = () => ({})): () => TestBus {
  let bus: TestBus | undefined;
  beforeAll(async () => {
    bus = await under.start(options());
  });
  afterAll(() => bus?.[Symbol.asyncDispose]());
  return () => {
    if (bus === undefined) throw new Error('the bus did not start');
    return bus;
  };
}

/** The reasons of the bus and their statuses, as the specification lists them. */
const STATUS = Object.freeze({
  CREDENTIAL_MISSING: status.UNAUTHENTICATED,
  CREDENTIAL_CONFLICT: status.UNAUTHENTICATED,
  TOKEN_MALFORMED: status.UNAUTHENTICATED,
  TOKEN_UNTRUSTED: status.UNAUTHENTICATED,
  TOKEN_EXPIRED: status.UNAUTHENTICATED,
  PROOF_UNSUPPORTED: status.UNAUTHENTICATED,
  AUDIENCE_MISMATCH: status.PERMISSION_DENIED,
  CAPABILITY_DENIED: status.PERMISSION_DENIED,
  ARGUMENT_INVALID: status.INVALID_ARGUMENT,
  NAME_INVALID: status.INVALID_ARGUMENT,
  FILTER_INVALID: status.INVALID_ARGUMENT,
  PAGE_TOKEN_INVALID: status.INVALID_ARGUMENT,
  TOPIC_RESERVED: status.INVALID_ARGUMENT,
  PAYLOAD_INVALID: status.INVALID_ARGUMENT,
  LOG_EPOCH: status.FAILED_PRECONDITION,
  START_IN_FUTURE: status.FAILED_PRECONDITION,
  FILTER_FIXED: status.FAILED_PRECONDITION,
  BEFORE_RETENTION: status.OUT_OF_RANGE,
  SLOW_CONSUMER: status.RESOURCE_EXHAUSTED,
  QUOTA_EXCEEDED: status.RESOURCE_EXHAUSTED,
  SEQUENCE_MISMATCH: status.ABORTED,
  SUBSCRIPTION_TAKEN: status.ABORTED,
  EVENT_ID_REUSED: status.ALREADY_EXISTS,
  SUBSCRIPTION_UNKNOWN: status.NOT_FOUND,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
});
export type BusReason = keyof typeof STATUS;

/** Reason and status together: a client of another language decides by either. */
export function failure(reason: BusReason): { readonly reason: BusReason; readonly code: status } {
  return { reason, code: STATUS[reason] };
}

/** The call fails with this reason and its status. @returns how, for what belongs to the reason */
export async function expectRefused(call: Promise<unknown>, reason: BusReason): Promise<CallError> {
  const error = await refusalOf(call);
  expect({ reason: error.reason, code: error.code, message: error.message }).toMatchObject(failure(reason));
  return error;
}

/** The stream ends with this reason and its status. */
export async function expectEnd(
  stream: { ended(timeoutMs?: number): Promise<CallError | undefined> },
  reason: BusReason,
): Promise<CallError> {
  const error = await stream.ended();
  expect({ reason: error?.reason, code: error?.code, message: error?.message }).toMatchObject(failure(reason));
  return error as CallError;
}

/** A list may be a moment behind what a stream was sent. */
export async function expectSubscription(
  caller: BusCaller,
  name: string,
  expected: Partial<SubscriptionInfo__Output>,
): Promise<void> {
  const read = async () => expect(await caller.subscription(name)).toMatchObject(expected);
  await eventually(read, () => true, { what: `the subscription ${name}` });
}

export const text = (envelope: Envelope | undefined) => envelope?.payload.toString('utf8');
export const texts = (envelopes: readonly Envelope[]) => envelopes.map(text);
export const sequences = (envelopes: readonly Envelope[]) => envelopes.map(({ sequence_id }) => sequence_id);

/** 8 bytes epoch, 8 bytes offset, big endian. */
export function cursorOf(epoch: Buffer, offset: bigint): Buffer {
  const cursor = Buffer.alloc(16);
  epoch.copy(cursor);
  cursor.writeBigUInt64BE(offset, 8);
  return cursor;
}

export const epochOf = (cursor: Buffer) => cursor.subarray(0, 8);
export const offsetOf = (cursor: Buffer) => cursor.readBigUInt64BE(8);

/** Numbers that a seed repeats, in [0, 1). */
export function seeded(seed: number): () => number {
  let state = createHash('sha256').update(String(seed)).digest().readUInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
