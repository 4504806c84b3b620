/**
 * What a module returned, as the answer of a tool: an object becomes outputs by its keys, bytes alone become content, any
 * other JSON value becomes the structured result. Done in the child, so that a large or hostile value costs the child's
 * time and memory and never the server's.
 */
import type { ToolAnswer } from '#sdk/server/declaration.ts';

/** Of one answer, all parts together. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export class AnswerTooLarge extends Error {
  readonly bytes: number;

  constructor(bytes: number) {
    super(`the answer has ${bytes} bytes`);
    this.name = 'AnswerTooLarge';
    this.bytes = bytes;
  }
}

/** @throws AnswerTooLarge, or TypeError for a value that is no JSON and no bytes. */
export function encodeAnswer(value: unknown): ToolAnswer {
  if (value === undefined) return { success: true, outputs: {} };
  if (value instanceof Uint8Array) {
    return within({ success: true, outputs: {}, content: [{ blob: asBuffer(value), mimeType: OCTETS }] }, value.length);
  }
  const bare = withToJson(value);
  if (typeof bare !== 'object' || bare === null || Array.isArray(bare)) {
    const structured = jsonOf(bare, 'the value that it returned');
    return within({ success: true, outputs: {}, structured }, structured.length);
  }
  requirePlain(bare);
  return encodeMembers(bare);
}

const OCTETS = 'application/octet-stream';

function encodeMembers(value: object): ToolAnswer {
  const outputs: Record<string, Buffer> = Object.create(null);
  let bytes = 0;
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const encoded = encodeMember(key, member);
    bytes += Buffer.byteLength(key) + encoded.length;
    outputs[key] = encoded;
  }
  return within({ success: true, outputs }, bytes);
}

function encodeMember(key: string, member: unknown): Buffer {
  if (typeof member === 'string') return Buffer.from(member);
  if (member instanceof Uint8Array) return asBuffer(member);
  return jsonOf(member, `the member ${JSON.stringify(key)} of what it returned`);
}

function jsonOf(value: unknown, what: string): Buffer {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`${what} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text === undefined) throw new TypeError(`${what} is a ${typeof value}, which is no JSON`);
  return Buffer.from(text);
}

/** A Date, for example, is the text that it gives as JSON. */
function withToJson(value: unknown): unknown {
  const toJson = (value as { toJSON?: unknown } | null)?.toJSON;
  return typeof toJson === 'function' ? toJson.call(value, '') : value;
}

/** A Map or a Set would become "{}" without a word. */
function requirePlain(value: object): void {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (tag !== 'Object') throw new TypeError(`the value that it returned is a ${tag}, which is no JSON`);
}

function within<Answer extends ToolAnswer>(answer: Answer, bytes: number): Answer {
  if (bytes > MAX_ANSWER_BYTES) throw new AnswerTooLarge(bytes);
  return answer;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
