/**
 * The trailer `grpc-status-details-bin`: a google.rpc.Status that holds one google.rpc.ErrorInfo and, where trying again
 * sooner is in vain, one google.rpc.RetryInfo.
 *
 * Written and read by hand because it is needed wherever an error is looked at, where loading the .proto files first
 * (30 ms, and a codec to hand on) would be in the way. A test compares it with the loaded messages. Unknown fields and
 * other details (of other peers) are skipped.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

export interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StatusDetails {
  readonly code: number;
  readonly message: string;
  readonly errorInfo: ErrorInfo;
  /** Of a RetryInfo, in milliseconds. Absent: none is written. */
  readonly retryDelayMs?: number | undefined;
}

const ERROR_INFO_URL = 'type.googleapis.com/google.rpc.ErrorInfo';
const RETRY_INFO_URL = 'type.googleapis.com/google.rpc.RetryInfo';
const VARINT = 0;
const LENGTH_DELIMITED = 2;
/** google.protobuf.Duration's own limit: 10 000 years. */
const MAX_DURATION_SECONDS = 315_576_000_000;

export function encodeStatusDetails({ code, message, errorInfo, retryDelayMs }: StatusDetails): Buffer {
  const info = Buffer.concat([
    textField(1, errorInfo.reason),
    textField(2, errorInfo.domain),
    ...Object.entries(errorInfo.metadata).map(([key, value]) =>
      bytesField(3, Buffer.concat([textField(1, key), textField(2, value)])),
    ),
  ]);
  const details = [bytesField(3, anyOf(ERROR_INFO_URL, info))];
  if (retryDelayMs !== undefined) details.push(bytesField(3, anyOf(RETRY_INFO_URL, encodeRetryInfo(retryDelayMs))));
  return Buffer.concat([varintField(1, code), textField(2, message), ...details]);
}

/** The ErrorInfo of a google.rpc.Status, or undefined when there is none or the bytes are not such a message. */
export function decodeErrorInfo(bytes: Buffer): ErrorInfo | undefined {
  return decodeDetail(bytes, ERROR_INFO_URL, readErrorInfo);
}

/** The delay of the RetryInfo of a google.rpc.Status in milliseconds; undefined as for `decodeErrorInfo`. */
export function decodeRetryDelayMs(bytes: Buffer): number | undefined {
  return decodeDetail(bytes, RETRY_INFO_URL, readRetryInfo);
}

/** A google.protobuf.Any. */
export interface Detail {
  readonly type_url: string;
  readonly value: Uint8Array;
}

/** The same of a google.rpc.Status that came as a message and not as a trailer. Never throws. */
export function readDetails(
  details: readonly Detail[],
): Pick<StatusDetails, 'retryDelayMs'> & { errorInfo?: ErrorInfo } {
  const errorInfo = readDetail(details, ERROR_INFO_URL, readErrorInfo);
  const retryDelayMs = readDetail(details, RETRY_INFO_URL, readRetryInfo);
  return { ...(errorInfo === undefined ? {} : { errorInfo }), retryDelayMs };
}

function readDetail<T>(details: readonly Detail[], typeUrl: string, read: (detail: Buffer) => T): T | undefined {
  const found = details.find(({ type_url }) => type_url === typeUrl);
  try {
    return found && read(Buffer.from(found.value));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // as below
    return undefined;
  }
}

function decodeDetail<T>(bytes: Buffer, typeUrl: string, read: (detail: Buffer) => T): T | undefined {
  try {
    for (const { number, value } of fields(bytes)) {
      if (number !== 3) continue;
      const any = [...fields(value)];
      if (textOf(any, 1) === typeUrl) return read(bytesOf(any, 2));
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a RangeError is a truncated message from the other side
  }
  return undefined;
}

interface Field {
  readonly number: number;
  /** Empty for all but length-delimited fields. */
  readonly value: Buffer;
  /** 0 for all but varints. */
  readonly varint: number;
}

function readErrorInfo(bytes: Buffer): ErrorInfo {
  const read = [...fields(bytes)];
  const metadata: [string, string][] = [];
  for (const { number, value } of read) {
    if (number !== 3) continue;
    const entry = [...fields(value)];
    metadata.push([textOf(entry, 1), textOf(entry, 2)]);
  }
  // fromEntries defines own properties, so that a key "__proto__" of another peer stays a plain key.
  return { reason: textOf(read, 1), domain: textOf(read, 2), metadata: Object.fromEntries(metadata) };
}

/** google.protobuf.Duration: seconds = 1, nanos = 2. A negative one, as of an odd peer, is a delay of 0. */
function readRetryInfo(bytes: Buffer): number {
  const duration = [...fields(bytesOf([...fields(bytes)], 1))];
  const [seconds, nanos] = [varintOf(duration, 1), varintOf(duration, 2)];
  return seconds > MAX_DURATION_SECONDS || nanos > 999_999_999 ? 0 : seconds * 1000 + Math.ceil(nanos / 1_000_000);
}

function encodeRetryInfo(delayMs: number): Buffer {
  const whole = Math.max(0, Math.ceil(delayMs));
  const duration = [varintField(1, Math.floor(whole / 1000)), varintField(2, (whole % 1000) * 1_000_000)];
  return bytesField(1, Buffer.concat(duration));
}

function anyOf(typeUrl: string, message: Buffer): Buffer {
  return Buffer.concat([textField(1, typeUrl), bytesField(2, message)]);
}

function textOf(read: readonly Field[], number: number): string {
  return bytesOf(read, number).toString('utf8');
}

function bytesOf(read: readonly Field[], number: number): Buffer {
  return read.findLast((field) => field.number === number)?.value ?? Buffer.alloc(0);
}

function varintOf(read: readonly Field[], number: number): number {
  return read.findLast((field) => field.number === number)?.varint ?? 0;
}

/** @throws RangeError when the bytes end inside a field or use a wire type that does not exist. */
function* fields(bytes: Buffer): Generator<Field> {
  let at = 0;
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    const number = wireType === VARINT ? varint() : 0;
    const length = wireType === LENGTH_DELIMITED ? varint() : fixedLength(wireType);
    if (at + length > bytes.length) throw new RangeError('truncated field');
    const value = wireType === LENGTH_DELIMITED ? bytes.subarray(at, at + length) : Buffer.alloc(0);
    at += length;
    yield { number: tag >>> 3, value, varint: number };
  }

  function varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('varint longer than ten bytes');
  }
}

function fixedLength(wireType: number): number {
  if (wireType === VARINT) return 0;
  if (wireType === 1) return 8;
  if (wireType === 5) return 4;
  throw new RangeError(`wire type ${wireType} does not exist`);
}

function textField(number: number, text: string): Buffer {
  return text === '' ? Buffer.alloc(0) : bytesField(number, Buffer.from(text, 'utf8'));
}

/** A length-delimited field of a message. */
export function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | LENGTH_DELIMITED), encodeVarint(bytes.length), bytes]);
}

/** Zero is the default and is left out. */
function varintField(number: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of((number << 3) | VARINT), encodeVarint(value)]);
}

/** @param value A whole number of at most 2^53 - 1, not negative. */
function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
