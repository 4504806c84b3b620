/** What `context()` and `tool()` give back, from the messages of the wire. */
import { decodeText } from '#lib/capability/parameter-value.ts';
import { decodeResult } from '#lib/json-schema/results.ts';
import type { Content__Output } from '#protos/generated/mcp2/Content.ts';
import { ResultStatus } from '#protos/generated/mcp2/ResultStatus.ts';
import type { ToolResponse__Output } from '#protos/generated/mcp2/ToolResponse.ts';
import type { ResultForms } from './card-directory.ts';
import type { CachedContext } from './context-cache.ts';
import { ToolFailure } from './tool-failure.ts';

export interface ContextResult<Value = unknown> {
  /** JSON as what it says, text as a text, other types as bytes. Without a type: the first of these that it is. */
  readonly value: Value;
  /** As it was sent. */
  readonly content: Buffer;
  /** Media type; "" is not stated. */
  readonly contentType: string;
  /** Version of the value; "" where the server keeps none. */
  readonly etag: string;
  /** "name:value" lines, for example "timestamp:2025-06-01T08:00:00Z". */
  readonly metadata: readonly string[];
  /** Name of the server that gave it. */
  readonly server: string;
  /** It was kept from before, or shared with an equal call: no server was asked. */
  readonly isCached: boolean;
}

export interface ToolResult<Value = Readonly<Record<string, unknown>>> {
  /**
   * The outputs as an object, or what else the tool gave. Read by the output schema of the server's card; without one JSON
   * is read as JSON, other text as text, anything else as bytes.
   */
  readonly value: Value;
  /** Each output as it was sent. */
  readonly outputs: Readonly<Record<string, Buffer>>;
  /** What it has to show beside, in order. */
  readonly content: readonly Content__Output[];
  /** For people. */
  readonly warnings: readonly string[];
  /** Names the run in the server's logs. */
  readonly invocationId: string;
  /** Name of the server on which it ran. */
  readonly server: string;
}

const JSON_TYPE = /^application\/(?:[^;]*\+)?json(?:;|$)/i;
const TEXT_TYPE = /^text\//i;

export function toContextResult({ response, server, isCached }: CachedContext): ContextResult {
  const { serialized_value, content_type: contentType, etag, metadata } = response;
  // What is kept must not change with what one of its readers does to it.
  const content = Buffer.from(serialized_value);
  return { value: toValue(content, contentType), content, contentType, etag, metadata, server, isCached };
}

export interface RunTool {
  readonly tool: string;
  readonly server: string;
}

/** @throws ToolFailure */
export function requireSuccess(response: ToolResponse__Output, { tool, server }: RunTool): void {
  const { success, warnings, error_code, invocation_id: invocationId, status } = response;
  if (status === ResultStatus.RESULT_STATUS_INPUT_REQUIRED) {
    const message = `${tool} asks for more before it goes on, which this call cannot answer`;
    throw new ToolFailure({ tool, server, code: 'INPUT_REQUIRED', warnings: [message, ...warnings], invocationId });
  }
  if (!success) throw new ToolFailure({ tool, server, code: error_code, warnings, invocationId });
}

export function toToolResult(response: ToolResponse__Output, server: string, forms: ResultForms): ToolResult {
  const { outputs, structured_json, content, warnings, invocation_id: invocationId } = response;
  const value = decodeResult(outputs, structured_json, forms) as ToolResult['value'];
  return { value, outputs, content, warnings, invocationId, server };
}

function toValue(content: Buffer, contentType: string): unknown {
  const isJson = JSON_TYPE.test(contentType);
  if (!isJson && !TEXT_TYPE.test(contentType) && contentType !== '') return content;
  const text = decodeText(content);
  if (text === undefined) return content;
  return isJson || contentType === '' ? jsonOr(text) : text;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
