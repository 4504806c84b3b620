/** `card()`, and the cards that other calls need: ServiceInfo.GetCard. */
import { status } from '@grpc/grpc-js';
import { isServerName, quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method } from '#lib/grpc/channel.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { GetCardResponse__Output } from '#protos/generated/mcp2/GetCardResponse.ts';
import type { RunningCall } from './attempts.ts';
import { type Card, parseCard } from './card.ts';
import { CardDirectory } from './card-directory.ts';
import { searchableCapabilities } from './held-capabilities.ts';
import type { ServerCaller, TargetOptions } from './server-caller.ts';
import { callServer } from './server-calls.ts';
import { takeToken } from './token-source.ts';

/** Of a card that a call needs: it goes on without one. */
const FETCH_MS = 2_000;

export class CardCalls {
  readonly directory: CardDirectory;
  readonly #caller: ServerCaller;

  constructor(caller: ServerCaller) {
    this.#caller = caller;
    this.directory = new CardDirectory({
      clock: caller.parts.clock,
      fetch: (endpoints) => this.#get(endpoints[0]?.server_name ?? '', { endpoints, deadlineMs: FETCH_MS }),
    });
  }

  /** @throws CallError */
  async read(server: string, options: TargetOptions): Promise<Card> {
    if (!isServerName(server)) throw failed(status.INVALID_ARGUMENT, `${quote(server)} is no name of a server`);
    const { card } = await this.#get(server, options);
    try {
      return parseCard(card?.card_json ?? Buffer.alloc(0));
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      throw failed(status.INTERNAL, `${server} answered what is no card: ${error.message}`);
    }
  }

  async #get(server: string, { endpoints, deadlineMs, signal }: TargetOptions): Promise<GetCardResponse__Output> {
    const method = this.#caller.services.ServiceInfo.GetCard as unknown as Method;
    const run = async (request: object, running: RunningCall) => {
      const find = (again: boolean) => this.#find(server, endpoints, { running, again });
      const { answer } = await callServer({ method, request, idempotent: true, find }, running, this.#caller.parts);
      return answer;
    };
    const sent = { method, request: { server_name: server }, run, deadlineMs, signal };
    return (await this.#caller.send(sent)) as GetCardResponse__Output;
  }

  /** By its name alone: whatever of its rights the token may look up will do. */
  async #find(
    server: string,
    endpoints: readonly Endpoint[] | undefined,
    { running, again }: { readonly running: RunningCall; readonly again: boolean },
  ): Promise<readonly Endpoint[]> {
    if (endpoints !== undefined) return endpoints;
    const capability = searchableCapabilities(await takeToken(this.#caller.parts.token));
    return this.#caller.find({ server, capability }, running, again);
  }
}

function failed(code: status, message: string): CallError {
  return new CallError(message, { code, reachedServer: code === status.INTERNAL });
}
