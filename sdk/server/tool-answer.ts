/** From what a tool gives back to the bytes of a ToolResponse. */
import { ServiceError } from '#lib/errors.ts';
import type { CompiledSchema } from '#lib/json-schema/compile.ts';
import { decodeResult } from '#lib/json-schema/results.ts';
import type { Content } from '#protos/generated/mcp2/Content.ts';
import type { ToolResponse } from '#protos/generated/mcp2/ToolResponse.ts';
import type { ContentPiece, ToolAnswer } from './declaration.ts';
import type { OfferedTool } from './offer.ts';
import { type RunningCall, toLine } from './running-call.ts';

type Success = Extract<ToolAnswer, { readonly success: true }>;
export type EncodeTool = (response: ToolResponse) => Buffer;

/** Outputs and content together; one answer of gRPC has no more either. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_ERROR_CODE_CHARS = 128;
const NO_BYTES = Buffer.alloc(0);

/**
 * @throws ServiceError LIMIT_EXCEEDED
 * @throws Error when the tool breaks its own output schema, which is nothing for callers
 */
export function encodeToolAnswer(
  answer: ToolAnswer,
  tool: OfferedTool,
  { invocationId, warnings }: RunningCall,
  encode: EncodeTool,
): Buffer {
  const { name } = tool.declaration;
  const facts = { invocation_id: invocationId, schema_hash: tool.input.hash };
  if (!answer.success) {
    const error_code = answer.errorCode.slice(0, MAX_ERROR_CODE_CHARS);
    return encode({ ...facts, success: false, error_code, warnings: [toLine(answer.message), ...warnings] });
  }
  requireSize(name, sizeOf(answer));
  if (tool.output !== undefined) requireOutput(name, answer, tool.output);
  const bytes = encode({
    ...facts,
    success: true,
    outputs: answer.outputs,
    ...(answer.structured === undefined ? {} : { structured_json: answer.structured }),
    ...(answer.content === undefined ? {} : { content: answer.content.map(toContent) }),
    warnings: [...warnings],
  });
  requireSize(name, bytes.length);
  return bytes;
}

function sizeOf({ outputs, structured, content = [] }: Success): number {
  let bytes = structured?.length ?? 0;
  for (const name in outputs) bytes += name.length + (outputs[name]?.length ?? 0);
  for (const piece of content) bytes += pieceBytes(piece).length;
  return bytes;
}

function pieceBytes(piece: ContentPiece): Buffer | string {
  if ('text' in piece) return piece.text;
  return 'image' in piece ? piece.image : piece.blob;
}

function requireSize(name: string, bytes: number): void {
  if (bytes <= MAX_ANSWER_BYTES) return;
  const message = `the answer of ${name} has ${bytes} bytes, more than ${MAX_ANSWER_BYTES}; ask for less`;
  throw new ServiceError('LIMIT_EXCEEDED', message);
}

function requireOutput(name: string, answer: Success, output: CompiledSchema): void {
  const results = readings(answer, output).map((value) => output.check(value));
  const [first] = results;
  if (first === undefined || first.ok || results.some(({ ok }) => ok)) return;
  throw new Error(`the tool ${name} broke its output schema: ${first.path || 'the result'} ${first.message}`);
}

/** Where a member may be a text or something else, its bytes say both: one of the two is what the tool meant. */
function readings({ outputs, structured = NO_BYTES }: Success, { forms }: CompiledSchema): readonly unknown[] {
  const value = decodeResult(outputs, structured, forms);
  if (structured.length > 0) return [value];
  const members = Object.entries(value as object).map(([name, member]) => [name, toJson(member)] as const);
  const texts = members.map(([name, member]) => {
    const isOpen = (forms.get(name) ?? 'open') === 'open';
    return [name, isOpen ? outputs[name]?.toString('utf8') : member] as const;
  });
  return [Object.fromEntries(members), Object.fromEntries(texts)];
}

/** Bytes are described as their base64. */
function toJson(member: unknown): unknown {
  return Buffer.isBuffer(member) ? member.toString('base64') : member;
}

function toContent(piece: ContentPiece): Content {
  if ('text' in piece) return { text: { content: piece.text, last: true } };
  if ('image' in piece) return { image: { jpeg_data: piece.image, mime_type: piece.mimeType } };
  return { blob: { data: piece.blob, mime_type: piece.mimeType, last: true }, uri: piece.uri ?? '' };
}
