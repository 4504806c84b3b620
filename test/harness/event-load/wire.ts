/** Messages of the event bus as bytes, as far as loads that cannot afford a decoder need them. */

const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** EventEnvelope. */
const SEQUENCE_FIELD = 3;
const CONTROL_FIELD = 13;
/** EventPublishAck. */
const ERROR_FIELD = 3;

/** With the prefix that a message has in a stream: no compression, length. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** @returns undefined for a control envelope. */
export function sequenceOf(envelope: Buffer): number | undefined {
  let sequence: number | undefined;
  for (const { field, value } of fieldsOf(envelope)) {
    if (field === SEQUENCE_FIELD) sequence = value;
    if (field === CONTROL_FIELD) return undefined;
  }
  return sequence;
}

export function isRefusal(ack: Buffer): boolean {
  for (const { field } of fieldsOf(ack)) if (field === ERROR_FIELD) return true;
  return false;
}

interface Field {
  readonly field: number;
  /** Of a varint; of anything else its length. */
  readonly value: number;
}

function* fieldsOf(message: Buffer): Generator<Field> {
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const tag = varint(message, cursor);
    const field = tag >>> 3;
    const type = tag & 7;
    if (type === WireType.varint) yield { field, value: varint(message, cursor) };
    else {
      const length = type === WireType.bytes ? varint(message, cursor) : type === WireType.fixed64 ? 8 : 4;
      cursor.at += length;
      yield { field, value: length };
    }
  }
}

function varint(message: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let factor = 1; cursor.at < message.length; factor *= 128) {
    const byte = message[cursor.at++] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  throw new Error('a number of the message is cut');
}
