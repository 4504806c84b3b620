/** What calls by name (a context, a tool, a card) need of the client that makes them. */
import type { Method } from '#lib/grpc/channel.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { Services } from '#protos/load.ts';
import type { RunningCall } from './attempts.ts';
import type { ServerCallDependencies } from './server-calls.ts';

export interface EndpointQuery {
  /** Any one of them is enough; of a list those are asked for that the token may look up. */
  readonly capability: string | readonly string[];
  /** Only this server. */
  readonly server?: string | undefined;
}

/** Whom to call and for how long. */
export interface TargetOptions {
  /** Only this server. */
  readonly server?: string | undefined;
  /** Choose from these instead of asking the registry. */
  readonly endpoints?: readonly Endpoint[];
  /** Of the whole call, from now. Default 10 000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Sent {
  readonly method: Method;
  readonly request: object;
  /** What the layers are round. */
  readonly run: (request: object, running: RunningCall) => Promise<unknown>;
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ServerCaller {
  readonly services: Services;
  readonly parts: ServerCallDependencies;
  /** Through the client's layers. @throws CallError */
  send(sent: Sent): Promise<unknown>;
  /** @throws CallError */
  find(
    query: TargetOptions & Partial<EndpointQuery>,
    running: RunningCall,
    again: boolean,
  ): Promise<readonly Endpoint[]>;
}
