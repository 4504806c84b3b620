/**
 * How a service is handed to `createServer`: a definition from the .proto files and one adapter a method.
 *
 * The adapters (`unary`, `serverStream`, `clientStream`, `bidiStream`) turn async functions and iterables into grpc-js
 * handlers. A method of the definition without an adapter answers UNIMPLEMENTED.
 */
import type { ServiceDefinition, UntypedHandleCall } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { ServiceError } from '../errors.ts';
import type { CallContext, CallLimits, MetadataEntries, MethodRuntime } from './call-context.ts';
import type { Handler, Middleware } from './handler.ts';

/** As a middleware sees it, which is not told the types of a method's messages. Without a promise a unary call is answered in its tick. */
export type ServerHandler = Handler<CallContext>;
export type ServerMiddleware = Middleware<CallContext>;

/** A Buffer is an answer that is encoded already and goes out as it is; streams can send several at once. */
export type Reply<Response> = Response | Buffer;
export type StreamReply<Response> = Reply<Response> | EncodedBatch;

/**
 * Answers of a stream that are encoded already and go out in one write: a write costs as much as encoding ten small
 * messages.
 */
export class EncodedBatch {
  readonly messages: readonly Buffer[];
  /** What ends the stream when its reader takes nothing for too long. Default: LIMIT_EXCEEDED. */
  readonly slowReader: (() => ServiceError) | undefined;

  constructor(messages: readonly Buffer[], slowReader?: () => ServiceError) {
    this.messages = messages;
    this.slowReader = slowReader;
  }
}

/** One method's handler, ready for registration. Request and Response only carry the types. */
export interface MethodAdapter<Request, Response> {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** True when the handler gets an EncodedRequest instead of the message; its guard is asked where it is opened. */
  readonly takesEncoded?: boolean;
  readonly handler: (request: never, call: CallContext) => unknown;
  /** @param handler The adapter's own, with everything that was put round it. */
  adapt(runtime: MethodRuntime, handler: ServerHandler): UntypedHandleCall;
  readonly types?: (request: Request) => Response;
}

export interface ServiceEntry {
  readonly definition: ServiceDefinition;
  // biome-ignore lint/suspicious/noExplicitAny: the types were checked by `implement`
  readonly methods: Readonly<Record<string, MethodAdapter<any, any> | undefined>>;
}

/** The adapters that fit a generated definition. */
export type MethodsOf<Definition> = {
  readonly [Name in keyof Definition as string extends Name ? never : Name]?: Definition[Name] extends MethodDefinition<
    infer _RequestIn,
    infer Response,
    infer Request,
    infer _ResponseOut
  >
    ? MethodAdapter<Request, Response>
    : never;
};

/** `implement(services.Discovery, { Lookup: unary(lookup) })`: checks names and message types against the definition. */
export function implement<Definition extends ServiceDefinition>(
  definition: Definition,
  methods: MethodsOf<Definition>,
): ServiceEntry {
  return { definition, methods: methods as ServiceEntry['methods'] };
}

/** A request as it came, for a handler that may know the bytes already. */
export class EncodedRequest<Request> {
  readonly bytes: Buffer;
  readonly #open: (bytes: Buffer, call: CallContext) => Request | Promise<Request>;

  constructor(bytes: Buffer, open: (bytes: Buffer, call: CallContext) => Request | Promise<Request>) {
    this.bytes = bytes;
    this.#open = open;
  }

  /**
   * The message, once the method's guard let it through: there is no other way to it.
   *
   * @throws ServiceError ARGUMENT_INVALID when the bytes are no such message, and what the guard refuses with.
   */
  open(call: CallContext): Request | Promise<Request> {
    return this.#open(this.bytes, call);
  }
}

/** A request that could not be read; stands in its place until the adapter refuses the call. */
export class RefusedRequest {
  readonly error: ServiceError;
  constructor(error: ServiceError) {
    this.error = error;
  }
}

/** @throws ServiceError before any handler runs: metadata too large, request too large or not decodable. */
export function requireReadable(call: CallContext, request: unknown, { maxMetadataBytes }: CallLimits): void {
  const bytes = metadataBytes(call.metadataEntries);
  if (bytes > maxMetadataBytes) {
    throw new ServiceError('LIMIT_EXCEEDED', `request metadata is ${bytes} bytes, more than ${maxMetadataBytes}`);
  }
  if (request instanceof RefusedRequest) throw request.error;
}

/** Names and values as they were sent, but for the encoding of binary values. */
function metadataBytes(entries: MetadataEntries): number {
  let bytes = 0;
  for (const key in entries) {
    for (const value of entries[key] ?? []) bytes += key.length + value.length;
  }
  return bytes;
}
