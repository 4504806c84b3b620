/**
 * What an upstream answered, as a tool's result: a JSON object becomes outputs by name, other JSON (and an object with a name
 * that no output can have) the structured result, text and pictures content, anything else a file.
 *
 * Numbers keep all their digits: JSON.parse alone would round those beyond 2^53.
 */
import { isParameterName } from '#lib/capability/name.ts';
import type { ToolAnswer } from '#sdk/server/declaration.ts';

const DEFAULT_TYPE = 'application/octet-stream';
const JSON_TYPE = /^(?:application\/json|application\/[^\s;/]+\+json)$/;
/** RFC 9110 Section 8.3.1, without parameters. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
const LONG_NUMBER = /\d{16}|\d[eE]/;

/** @param contentType As the upstream stated it. */
export function toolOutput(body: Buffer, contentType: string | undefined): ToolAnswer {
  if (body.length === 0) return { success: true, outputs: {} };
  const stated = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const type = MEDIA_TYPE.test(stated) ? stated : DEFAULT_TYPE;
  if (type.startsWith('image/')) return withContent({ image: body, mimeType: type });
  const text = textOf(body);
  const json = text !== undefined && JSON_TYPE.test(type) ? jsonOutput(text) : undefined;
  if (json !== undefined) return json;
  if (text !== undefined && type.startsWith('text/')) return withContent({ text });
  return withContent({ blob: body, mimeType: type });
}

/** undefined for what is no JSON, or nests deeper than the stack: it is then passed on as it came. */
function jsonOutput(text: string): ToolAnswer | undefined {
  try {
    const value: unknown = LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
    if (!isObject(value) || !Object.keys(value).every(isParameterName)) {
      return { success: true, outputs: {}, structured: Buffer.from(text.trim()) };
    }
    const outputs = Object.entries(value).map(([name, member]) => [name, Buffer.from(memberText(member))] as const);
    return { success: true, outputs: Object.fromEntries(outputs) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

function memberText(member: unknown): string {
  return typeof member === 'string' ? member : JSON.stringify(member);
}

function keepDigits(this: unknown, _name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && String(value) !== source ? rawJson(source) : value;
}

/** In Node since 21 and not in TypeScript's library yet: https://tc39.es/proposal-json-parse-with-source/ */
interface JsonWithSource {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
}

function rawJson(text: string): object {
  return (JSON as unknown as JsonWithSource).rawJSON(text);
}

function isRawNumber(value: unknown): boolean {
  return (JSON as unknown as JsonWithSource).isRawJSON(value);
}

/** undefined for bytes that are no UTF-8. */
function textOf(body: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

function withContent(
  piece: { text: string } | { image: Buffer; mimeType: string } | { blob: Buffer; mimeType: string },
): ToolAnswer {
  return { success: true, outputs: {}, content: [piece] };
}
