import { expect, test } from 'vitest';
import { loadStatusMessages } from '#protos/load.ts';
import { decodeErrorInfo, decodeRetryDelayMs, encodeStatusDetails, readDetails } from './error-details.ts';

const { Status, ErrorInfo, RetryInfo } = loadStatusMessages();
const TYPE_URL = 'type.googleapis.com/google.rpc.';

test.each([
  ['nothing', {}],
  ['facts', { owner: 'team-a/inventory', 'key with ✓': 'value with ✓' }],
  ['a long fact', { long: 'x'.repeat(300) }],
  ['an empty value', { owner: '' }],
])('what is written with %s is what the .proto files say', (_title, metadata) => {
  const bytes = encodeStatusDetails({
    code: 7,
    message: 'the name is taken ✓',
    errorInfo: { reason: 'NAME_TAKEN', domain: 'mcp2', metadata },
  });
  const read = Status.deserialize(bytes);
  expect(read).toMatchObject({ code: 7, message: 'the name is taken ✓' });
  const [any] = read.details as unknown as { type_url: string; value: Buffer }[];
  expect(any?.type_url).toBe(`${TYPE_URL}ErrorInfo`);
  expect(ErrorInfo.deserialize(any?.value ?? Buffer.alloc(0))).toEqual({
    reason: 'NAME_TAKEN',
    domain: 'mcp2',
    metadata,
  });
  expect(decodeErrorInfo(bytes)).toEqual({ reason: 'NAME_TAKEN', domain: 'mcp2', metadata });
});

test('an ErrorInfo behind other details is found', () => {
  const details = [
    { type_url: `${TYPE_URL}RetryInfo`, value: RetryInfo.serialize({ retry_delay: { seconds: 3 } }) },
    { type_url: `${TYPE_URL}ErrorInfo`, value: ErrorInfo.serialize({ reason: 'X', domain: 'other', metadata: {} }) },
  ];
  const bytes = Status.serialize({ code: 8, message: 'later', details: details as never });
  expect(decodeErrorInfo(bytes)).toEqual({ reason: 'X', domain: 'other', metadata: {} });
});

test.each([
  [0, undefined, undefined],
  [1, undefined, 1_000_000],
  [1_000, '1', undefined],
  [61_500, '61', 500_000_000],
  [7_200_000.4, '7200', 1_000_000],
])('a delay of %d ms is what the .proto files say, and is read back', (retryDelayMs, seconds, nanos) => {
  const errorInfo = { reason: 'RATE_LIMITED', domain: 'mcp2', metadata: {} };
  const bytes = encodeStatusDetails({ code: 8, message: 'later', errorInfo, retryDelayMs });
  const [, any] = Status.deserialize(bytes).details as unknown as { type_url: string; value: Buffer }[];
  expect(any?.type_url).toBe(`${TYPE_URL}RetryInfo`);
  const { retry_delay: delay } = RetryInfo.deserialize(any?.value ?? Buffer.alloc(0));
  expect(Number(delay?.seconds ?? 0)).toBe(Number(seconds ?? 0));
  expect(delay?.nanos ?? 0).toBe(nanos ?? 0);
  expect(decodeRetryDelayMs(bytes)).toBe(Math.ceil(retryDelayMs));
  expect(decodeErrorInfo(bytes)?.reason).toBe('RATE_LIMITED');
});

test('without a delay there is no RetryInfo, and a negative one of another peer is none to wait for', () => {
  const errorInfo = { reason: 'RATE_LIMITED', domain: 'mcp2', metadata: {} };
  expect(decodeRetryDelayMs(encodeStatusDetails({ code: 8, message: '', errorInfo }))).toBeUndefined();
  const value = RetryInfo.serialize({ retry_delay: { seconds: -3, nanos: -5 } });
  const details = [{ type_url: `${TYPE_URL}RetryInfo`, value }];
  expect(decodeRetryDelayMs(Status.serialize({ code: 8, message: '', details: details as never }))).toBe(0);
});

test('a key named __proto__ of another peer stays a key', () => {
  const metadata = Object.fromEntries([['__proto__', 'x']]);
  const bytes = encodeStatusDetails({ code: 7, message: '', errorInfo: { reason: 'R', domain: 'd', metadata } });
  expect(Object.keys(decodeErrorInfo(bytes)?.metadata ?? {})).toEqual(['__proto__']);
});

test('every truncation and every single-byte change is read or refused, never an exception', () => {
  const errorInfo = { reason: 'NAME_TAKEN', domain: 'mcp2', metadata: { owner: 'a' } };
  const bytes = encodeStatusDetails({ code: 7, message: 'taken', errorInfo, retryDelayMs: 61_500 });
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => decodeErrorInfo(bytes.subarray(0, length))).not.toThrow();
    expect(() => decodeRetryDelayMs(bytes.subarray(0, length))).not.toThrow();
  }
  for (let at = 0; at < bytes.length; at += 1) {
    for (const value of [0x00, 0x07, 0x0f, 0x7f, 0x80, 0xff]) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      expect(() => decodeErrorInfo(changed)).not.toThrow();
      expect(() => decodeRetryDelayMs(changed)).not.toThrow();
    }
  }
});

test('details that came as a message of their own are read as well', () => {
  const errorInfo = { reason: 'QUOTA_EXCEEDED', domain: 'mcp2', metadata: { quota: 'publishes' } };
  const status = Status.deserialize(encodeStatusDetails({ code: 8, message: 'later', errorInfo, retryDelayMs: 250 }));
  const details = status.details as unknown as readonly { readonly type_url: string; readonly value: Buffer }[];
  expect(readDetails(details)).toEqual({ errorInfo, retryDelayMs: 250 });
  expect(readDetails([])).toEqual({ retryDelayMs: undefined });
  const cut = details.map(({ type_url, value }) => ({ type_url, value: value.subarray(0, 3) }));
  expect(readDetails(cut)).toEqual({ retryDelayMs: undefined });
});
