/** From a tool as a developer writes it to its declaration: typed arguments in, any value out. */
import { encodeResult } from '#lib/json-schema/results.ts';
import type { Call, ContentPiece, JsonObject, ToolAnswer, ToolDeclaration } from './declaration.ts';
import { RanWithoutAnswer } from './kept-answers.ts';
import type { ArgumentsOf, ResultOf, Schema } from './schema-inference.ts';
import { convertArguments, convertResult, readSchema } from './standard-schema.ts';

export interface ToolOptions<Input extends Schema = Schema, Output extends Schema = Schema> {
  /** For whoever chooses a tool: what it does, in a sentence or two. */
  readonly description?: string;
  /** For people. */
  readonly title?: string;
  /** Of the arguments, an object. Absent: any. */
  readonly input?: Input;
  /** Of the result. What breaks it is an error of the server. */
  readonly output?: Output;
  /** A second run with the same arguments changes nothing more: callers may send it again. Default false. */
  readonly idempotent?: boolean;
  /** It changes nothing. Default false. */
  readonly readOnly?: boolean;
  /** What it changes may be lost. */
  readonly destructive?: boolean;
}

/**
 * An object goes to the caller member for member, texts and bytes as they are; bytes alone as a file; any other value as
 * JSON; nothing as nothing.
 */
export type ToolHandler<Input, Output> = (
  args: ArgumentsOf<Input>,
  call: Call,
) => ToolReturn<Output> | Promise<ToolReturn<Output>>;

export type ToolReturn<Output> = ResultOf<Output> | ToolResult;

/** A result with pieces to show beside it: texts, images, files. */
export class ToolResult {
  readonly value: unknown;
  readonly content: readonly ContentPiece[];

  constructor({ value, content }: { readonly value?: unknown; readonly content: readonly ContentPiece[] }) {
    this.value = value;
    this.content = content;
  }
}

type AnyHandler = (args: unknown, call: Call) => unknown;

/** @throws TypeError for a schema that has no form as JSON Schema */
export function defineTool(name: string, options: ToolOptions, handler: AnyHandler): ToolDeclaration {
  const { description, title, idempotent, readOnly, destructive } = options;
  const input = readSchema(options.input, 'input', `input of ${name}`);
  const output = readSchema(options.output, 'output', `output of ${name}`);
  const inputStandard = input?.standard;
  const outputStandard = output?.standard;
  const convert = inputStandard && ((args: unknown) => convertArguments(args, inputStandard));
  const finish =
    outputStandard === undefined
      ? toAnswer
      : (result: unknown) =>
          chain(
            convertReturn(result, (value) => convertResult(value, outputStandard, name)),
            toAnswer,
          );
  const handle = (args: unknown, call: Call) => chain(handler(args, call), (result) => afterRun(() => finish(result)));
  return {
    name,
    description,
    input: input?.json,
    output: output?.json,
    annotations: { title, idempotent, readOnly, destructive },
    idempotency: 'instance',
    run(args: JsonObject, call) {
      const answer = convert === undefined ? handle(args, call) : chain(convert(args), (own) => handle(own, call));
      return answer as ToolAnswer | Promise<ToolAnswer>;
    },
  };
}

/** Whatever goes wrong now, the tool ran: who asks again under the same key must not run it again. */
function afterRun(finish: () => unknown): unknown {
  const fail = (error: unknown): never => {
    throw new RanWithoutAnswer(error instanceof Error ? error : new Error(String(error)));
  };
  try {
    const answer = finish();
    return answer instanceof Promise ? answer.catch(fail) : answer;
  } catch (error) {
    return fail(error);
  }
}

function convertReturn(result: unknown, convert: (value: unknown) => unknown): unknown {
  if (!(result instanceof ToolResult)) return convert(result);
  const { value, content } = result;
  return value === undefined ? result : chain(convert(value), (own) => new ToolResult({ value: own, content }));
}

function toAnswer(result: unknown): ToolAnswer {
  if (result instanceof ToolResult) return { success: true, ...encodeResult(result.value), content: result.content };
  if (!(result instanceof Uint8Array)) return { success: true, ...encodeResult(result) };
  const blob = Buffer.from(result.buffer, result.byteOffset, result.byteLength);
  return { success: true, outputs: {}, content: [{ blob, mimeType: 'application/octet-stream' }] };
}

/** At once where it can be: a promise costs a turn of the event loop. */
export function chain<T>(value: T | PromiseLike<T>, next: (value: Awaited<T>) => unknown): unknown {
  return isThenable(value) ? Promise.resolve(value).then(next as (value: T) => unknown) : next(value as Awaited<T>);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
