/** A tool's answer as text, for the table that keeps the answers of calls with an idempotency key. Bytes are base64. */
import type { ToolAnswer } from '#sdk/server/declaration.ts';

interface Kept {
  readonly success: boolean;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly structured?: string;
  readonly errorCode?: string;
  readonly message?: string;
}

/** Of what a statement answers: it has no content list. */
export function writeKeptAnswer(answer: ToolAnswer): string {
  if (!answer.success) return JSON.stringify(answer);
  const outputs = Object.fromEntries(Object.entries(answer.outputs).map(([name, value]) => [name, encode(value)]));
  const kept: Kept = { success: true, outputs };
  return JSON.stringify(answer.structured === undefined ? kept : { ...kept, structured: encode(answer.structured) });
}

/** @throws SyntaxError when it is none: somebody else has written to the table */
export function readKeptAnswer(text: string): ToolAnswer {
  const { success, outputs = {}, structured, errorCode = '', message = '' } = JSON.parse(text) as Kept;
  if (!success) return { success: false, errorCode, message };
  const decoded = Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, decode(value)]));
  return structured === undefined
    ? { success: true, outputs: decoded }
    : { success: true, outputs: decoded, structured: decode(structured) };
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64');
}

function decode(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
