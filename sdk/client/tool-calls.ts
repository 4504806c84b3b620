/**
 * `tool()`: a tool by its name, on whichever server offers it.
 *
 * A call that may have been carried out is sent again only where that does no harm, which the card says: anywhere for a tool
 * that is idempotent, with an idempotency key to every replica of the server or to that one process.
 */
import { status } from '@grpc/grpc-js';
import { isToolName, quote } from '#lib/capability/name.ts';
import { compilePattern } from '#lib/capability/pattern.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method } from '#lib/grpc/channel.ts';
import { encodeArguments, type JsonObject } from '#lib/json-schema/arguments.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { ToolRequest } from '#protos/generated/mcp2/ToolRequest.ts';
import type { ToolResponse__Output } from '#protos/generated/mcp2/ToolResponse.ts';
import type { RunningCall } from './attempts.ts';
import type { Repeat } from './candidates.ts';
import type { CardDirectory, ResultForms } from './card-directory.ts';
import { requireSuccess, type ToolResult, toToolResult } from './results.ts';
import type { ServerCaller, TargetOptions } from './server-caller.ts';
import { callServer } from './server-calls.ts';

export interface ToolOptions extends TargetOptions {
  /**
   * A second call with the same key and arguments gets the first one's answer and runs nothing, so that the client may send
   * it again. At most 128 bytes; `true`: one by chance, for this call. Default: none.
   */
  readonly idempotencyKey?: string | true | undefined;
  /** May be carried out twice, whatever its card says. Default: as the card says. */
  readonly idempotent?: boolean | undefined;
  /** Call only while the tool's schema still has this SHA-256 (hex): CardTool.schemaHash. */
  readonly schemaHash?: string | undefined;
}

const MAX_KEY_BYTES = 128;

export class ToolCalls {
  readonly #caller: ServerCaller;
  readonly #cards: CardDirectory;

  constructor(caller: ServerCaller, cards: CardDirectory) {
    this.#caller = caller;
    this.#cards = cards;
  }

  /** @throws CallError; ToolFailure when it ran and failed; TypeError for an argument that cannot be sent */
  async run(name: string, args: JsonObject, options: ToolOptions): Promise<ToolResult> {
    if (!isToolName(name)) throw invalid('NAME_INVALID', `${quote(name)} is no name of a tool`);
    const { deadlineMs, signal } = options;
    const request = this.#request(name, args, options);
    // A layer of the caller's may answer by itself: then no server did.
    let server = '';
    let forms: ResultForms;
    const run = async (sent: object, running: RunningCall) => {
      const { answer, endpoint } = await this.#call({ name, request: sent, options }, running);
      server = endpoint.server_name;
      if (hasOutputs(answer)) forms = await this.#cards.resultForms(name, endpoint, { running, peers: [] });
      return answer;
    };
    const method = this.#caller.services.ContextTool.InvokeTool as unknown as Method;
    const response = (await this.#caller.send({ method, request, run, deadlineMs, signal })) as ToolResponse__Output;
    requireSuccess(response, { tool: name, server });
    return toToolResult(response, server, forms);
  }

  #request(name: string, args: JsonObject, { idempotencyKey, schemaHash }: ToolOptions): ToolRequest {
    const key = idempotencyKey === true ? randomKey(this.#caller.parts.random) : (idempotencyKey ?? '');
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw invalid('ARGUMENT_INVALID', `the idempotency key has more than ${MAX_KEY_BYTES} bytes`);
    }
    const pinned = schemaHash === undefined ? {} : { schema_hash: Buffer.from(schemaHash, 'hex') };
    return { tool_name: name, ...encodeArguments(args), idempotency_key: key, ...pinned };
  }

  async #call({ name, request, options }: WantedTool, running: RunningCall) {
    const { idempotent } = options;
    const capability = [`tool:${name}`].map((right) => (compilePattern(right) === undefined ? 'tool:*' : right));
    let known: readonly Endpoint[] = [];
    const { answer, endpoint } = await callServer(
      {
        method: this.#caller.services.ContextTool.InvokeTool as unknown as Method,
        request,
        idempotent: false,
        repeat: async (at) => {
          if (idempotent !== undefined) return repeatOf(idempotent, 'none', request);
          const tool = await this.#cards.tool(name, at, { running, peers: known });
          return tool === undefined ? 'nowhere' : repeatOf(tool.annotations.idempotent, tool.idempotency, request);
        },
        find: async (again) => {
          known = await this.#caller.find({ ...options, capability }, running, again);
          return known;
        },
      },
      running,
      this.#caller.parts,
    );
    return { answer: answer as ToolResponse__Output, endpoint };
  }
}

interface WantedTool {
  readonly name: string;
  readonly request: ToolRequest;
  readonly options: ToolOptions;
}

function repeatOf(isIdempotent: boolean, kept: 'shared' | 'instance' | 'none', request: ToolRequest): Repeat {
  if (isIdempotent) return 'anywhere';
  if (!request.idempotency_key || kept === 'none') return 'nowhere';
  return kept === 'shared' ? 'same server' : 'same endpoint';
}

function hasOutputs({ success, outputs, structured_json }: ToolResponse__Output): boolean {
  return success && structured_json.length === 0 && Object.keys(outputs).length > 0;
}

/** 128 bits. */
function randomKey(random: () => number): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
}

function invalid(reason: 'NAME_INVALID' | 'ARGUMENT_INVALID', message: string): CallError {
  return new CallError(message, { code: status.INVALID_ARGUMENT, reason, reachedServer: false });
}
