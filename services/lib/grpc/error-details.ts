/**
 * The trailer `grpc-status-details-bin`: a google.rpc.Status that holds one google.rpc.ErrorInfo.
 *
 * Written and read by hand because it is needed wherever an error is looked at, where loading the .proto files first
 * (30 ms, and a codec to hand on) would be in the way. A test compares it with the loaded messages. Unknown fields and
 * other details (google.rpc.RetryInfo, of other peers) are skipped.
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
}

const ERROR_INFO_URL = 'type.googleapis.com/google.rpc.ErrorInfo';
const VARINT = 0;
const LENGTH_DELIMITED = 2;

export function encodeStatusDetails({ code, message, errorInfo }: StatusDetails): Buffer {
  const info = Buffer.concat([
    textField(1, errorInfo.reason),
    textField(2, errorInfo.domain),
    ...Object.entries(errorInfo.metadata).map(([key, value]) =>
      bytesField(3, Buffer.concat([textField(1, key), textField(2, value)])),
    ),
  ]);
  const any = Buffer.concat([textField(1, ERROR_INFO_URL), bytesField(2, info)]);
  return Buffer.concat([Buffer.of((1 << 3) | VARINT, code), textField(2, message), bytesField(3, any)]);
}

/** The ErrorInfo of a google.rpc.Status, or undefined when there is none or the bytes are not such a message. */
export function decodeErrorInfo(bytes: Buffer): ErrorInfo | undefined {
  try {
    for (const { number, value } of fields(bytes)) {
      if (number !== 3) continue;
      const any = [...fields(value)];
      if (textOf(any, 1) === ERROR_INFO_URL) return readErrorInfo(any.findLast((field) => field.number === 2)?.value);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a RangeError is a truncated message from the other side
  }
  return undefined;
}

interface Field {
  readonly number: number;
  /** Empty for the wire types that none of these messages use. */
  readonly value: Buffer;
}

function readErrorInfo(bytes: Buffer = Buffer.alloc(0)): ErrorInfo {
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

function textOf(read: readonly Field[], number: number): string {
  return read.findLast((field) => field.number === number)?.value.toString('utf8') ?? '';
}

/** @throws RangeError when the bytes end inside a field or use a wire type that does not exist. */
function* fields(bytes: Buffer): Generator<Field> {
  let at = 0;
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    if (wireType === VARINT) varint();
    const length = wireType === LENGTH_DELIMITED ? varint() : fixedLength(wireType);
    if (at + length > bytes.length) throw new RangeError('truncated field');
    const value = wireType === LENGTH_DELIMITED ? bytes.subarray(at, at + length) : Buffer.alloc(0);
    at += length;
    yield { number: tag >>> 3, value };
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

function bytesField(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | LENGTH_DELIMITED];
  let length = bytes.length;
  while (length > 0x7f) {
    head.push((length & 0x7f) | 0x80);
    length >>>= 7;
  }
  head.push(length);
  return Buffer.concat([Buffer.from(head), bytes]);
}
