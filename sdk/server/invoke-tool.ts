/**
 * ContextTool.InvokeTool: which tool is meant, its arguments checked, then either the answer of an earlier call with this key
 * or a run.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '#lib/canonical-json.ts';
import { quote } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import { decodeArguments } from '#lib/json-schema/arguments.ts';
import type { ToolRequest__Output } from '#protos/generated/mcp2/ToolRequest.ts';
import type { JsonObject, KeyedCall, ToolAnswer } from './declaration.ts';
import { type KeptAnswers, RanWithoutAnswer } from './kept-answers.ts';
import type { OfferedTool } from './offer.ts';
import { invalid } from './request-context.ts';
import { RunningCall, untilTokenEnds } from './running-call.ts';
import type { Serving } from './serving.ts';
import { type EncodeTool, encodeToolAnswer } from './tool-answer.ts';
import { isToolFailed } from './tool-failed.ts';

export interface ToolRunnerParts {
  readonly current: () => Serving;
  readonly encode: EncodeTool;
  readonly clock: Clock;
  readonly nextInvocationId: () => string;
  readonly kept: KeptAnswers;
}

interface Wanted {
  readonly tool: OfferedTool;
  readonly args: JsonObject;
  readonly idempotencyKey: string;
  readonly keyed: KeyedCall | undefined;
}

const MAX_KEY_BYTES = 128;

export class ToolRunner {
  readonly #parts: ToolRunnerParts;

  constructor(parts: ToolRunnerParts) {
    this.#parts = parts;
  }

  /** @throws ServiceError, or rejects with one */
  invoke(request: ToolRequest__Output, call: CallContext): Buffer | Promise<Buffer> {
    const wanted = this.#read(request, call);
    const answer = this.#answer(wanted, call);
    // Round the memory of answers and not inside: what still runs when the token ends is kept when it has ended.
    return answer instanceof Promise ? untilTokenEnds(answer, call, this.#parts.clock) : answer;
  }

  #answer(wanted: Wanted, call: CallContext): Buffer | Promise<Buffer> {
    const { keyed, tool } = wanted;
    if (keyed === undefined || tool.declaration.idempotency === 'shared') return unwrap(() => this.#run(wanted, call));
    return this.#parts.kept.answer(keyed, () => this.#run(wanted, call));
  }

  #read(request: ToolRequest__Output, call: CallContext): Wanted {
    const { tool_name: name, schema_hash: pinned, idempotency_key: key } = request;
    const { offer } = this.#parts.current();
    const tool = offer.findTool(name);
    if (tool === undefined) {
      throw new ServiceError('TOOL_UNKNOWN', `this server has no tool ${quote(name)}; its card lists those it has`);
    }
    if (pinned.length > 0 && !tool.input.hash.equals(pinned)) {
      throw new ServiceError('SCHEMA_CHANGED', `the schema of ${name} is another one now; read the card again`);
    }
    if (Buffer.byteLength(key) > MAX_KEY_BYTES)
      throw invalid('idempotency_key', `has more than ${MAX_KEY_BYTES} bytes`);
    const args = readArguments(request, tool);
    const keyed = key === '' ? undefined : keyedCallOf(offer.name, { tool, args, key }, call);
    return { tool, args, idempotencyKey: key, keyed };
  }

  #run({ tool, args, idempotencyKey, keyed }: Wanted, call: CallContext): Buffer | Promise<Buffer> {
    const { declaration } = tool;
    const running = new RunningCall(call, {
      invocationId: this.#parts.nextInvocationId(),
      idempotencyKey,
      keyed: declaration.idempotency === 'shared' ? keyed : undefined,
    });
    const encode = (answer: ToolAnswer) => this.#encode(answer, tool, running);
    let answer: ToolAnswer | Promise<ToolAnswer>;
    try {
      answer = declaration.run(args, running);
    } catch (error) {
      return encode(failureOf(error));
    }
    if (!(answer instanceof Promise)) return encode(answer);
    return answer.then(encode, (error: unknown) => encode(failureOf(error)));
  }

  #encode(answer: ToolAnswer, tool: OfferedTool, running: RunningCall): Buffer {
    try {
      return encodeToolAnswer(answer, tool, running, this.#parts.encode);
    } catch (error) {
      throw new RanWithoutAnswer(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** Without a key nothing is kept, so that it does not matter whether the tool ran. */
function unwrap(run: () => Buffer | Promise<Buffer>): Buffer | Promise<Buffer> {
  const fail = (error: unknown): never => {
    throw error instanceof RanWithoutAnswer ? error.cause : error;
  };
  try {
    const bytes = run();
    return bytes instanceof Promise ? bytes.catch(fail) : bytes;
  } catch (error) {
    return fail(error);
  }
}

/** @throws the error, unless it says that the tool ran and failed */
function failureOf(error: unknown): ToolAnswer {
  if (isToolFailed(error)) return { success: false, errorCode: error.code, message: error.message };
  throw error;
}

function readArguments(request: ToolRequest__Output, { input }: OfferedTool): JsonObject {
  const { arguments: values, argument_encoding: encoding, arguments_json: json, has_arguments: hasArguments } = request;
  return decodeArguments(input, { values, encoding, json, hasArguments });
}

interface Keyed {
  readonly tool: OfferedTool;
  readonly args: JsonObject;
  readonly key: string;
}

/** With the schema's hash: an answer to other arguments' rules is no answer to these. */
function keyedCallOf(server: string, { tool, args, key }: Keyed, call: CallContext): KeyedCall {
  const { iss, sub } = call.requireCaller();
  const scope = [iss, sub, server, tool.declaration.name, tool.input.hash.toString('hex'), key];
  return {
    id: hash('sha256', JSON.stringify(scope), 'base64url'),
    argumentsHash: hash('sha256', canonicalJson(args), 'base64url'),
  };
}
