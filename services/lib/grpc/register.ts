/**
 * Registers a service's methods with grpc-js: each adapter bound to its method's runtime, each codec guarded.
 *
 * The codecs are where limits on a single message and bytes that are no message are caught: grpc-js would answer those
 * INTERNAL, as if we were at fault, before a handler or a metric hears of it.
 */
import type { MethodDefinition, Server, UntypedHandleCall } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { bidiStream } from './bidi-stream.ts';
import type { CallContext, CallEnd, CallLimits, MethodRuntime } from './call-context.ts';
import { type CallMetrics, NO_METER } from './call-metrics.ts';
import { clientStream } from './client-stream.ts';
import { type Guards, guarded, type MethodGuard } from './guard.ts';
import { compose, methodName } from './handler.ts';
import {
  EncodedRequest,
  type MethodAdapter,
  RefusedRequest,
  type ServerHandler,
  type ServerMiddleware,
  type ServiceEntry,
} from './method.ts';
import { serverStream } from './server-stream.ts';
import { unary } from './unary.ts';

export interface RegisterOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: CallLimits & { readonly maxFrameBytes: number; readonly maxMessageBytes: number };
  readonly metrics: CallMetrics | undefined;
  readonly onCallEnd: ((end: CallEnd) => void) | undefined;
  readonly open: Set<CallContext>;
  readonly guards: Guards;
  /** Inside of the guard, the first outermost. */
  readonly middleware: readonly ServerMiddleware[];
}

type UntypedMethod = MethodDefinition<unknown, unknown>;

/**
 * @throws when an adapter is of another kind than its method, when a method has no rule about who may call it, or the
 *   service is registered already.
 */
export function registerService(server: Server, entry: ServiceEntry, options: RegisterOptions): void {
  const definition: Record<string, UntypedMethod> = {};
  const handlers: Record<string, UntypedHandleCall> = {};
  for (const [name, method] of Object.entries(entry.definition as Record<string, UntypedMethod>)) {
    const bound = bind(method, entry.methods[name], options);
    definition[name] = bound.method;
    handlers[name] = bound.handle;
  }
  server.addService(definition, handlers);
}

interface BoundMethod {
  readonly method: UntypedMethod;
  readonly handle: UntypedHandleCall;
}

/** A method that is not implemented has nothing to guard: whoever asks is told so. */
function bind(
  method: UntypedMethod,
  implemented: MethodAdapter<unknown, unknown> | undefined,
  options: RegisterOptions,
): BoundMethod {
  const { requestStream, responseStream } = method;
  const adapter = implemented ?? unimplemented(method);
  if (adapter.requestStream !== requestStream || adapter.responseStream !== responseStream) {
    throw new Error(`${method.path} has an adapter of another kind than the .proto file says`);
  }
  const runtime = runtimeOf(method, options);
  const checked = guardCodecs(method, runtime, options.limits.maxFrameBytes);
  const guard: MethodGuard = implemented === undefined ? { on: 'nothing' } : options.guards(runtime.method);
  const isLate = adapter.takesEncoded === true;
  // They would see bytes before anybody knows who sent them.
  if (isLate && options.middleware.length > 0)
    throw new Error(`${method.path} takes bytes, which no middleware may see`);
  const layers = isLate ? options.middleware : [guarded(guard), ...options.middleware];
  const handler = compose(layers, adapter.handler as ServerHandler, {
    name: runtime.method,
    requestStream,
    responseStream,
  });
  return { method: isLate ? decodeLater(checked, guard) : checked, handle: adapter.adapt(runtime, handler) };
}

/** "mcp2.Discovery" of "/mcp2.Discovery/Lookup". */
export function serviceNameOf({ definition }: ServiceEntry): string {
  const [first] = Object.values(definition as Record<string, UntypedMethod>);
  if (first === undefined) throw new Error('a service without methods cannot be served');
  return splitPath(first.path).service;
}

function splitPath(path: string): { readonly service: string; readonly method: string } {
  const [, service = '', method = ''] = path.split('/');
  return { service, method };
}

function runtimeOf(method: UntypedMethod, { metrics, ...options }: RegisterOptions): MethodRuntime {
  const path = splitPath(method.path);
  const { requestStream, responseStream, responseSerialize } = method;
  const { maxFrameBytes, maxMessageBytes } = options.limits;
  return {
    ...options,
    method: methodName(method.path),
    requestStream,
    responseStream,
    encode: encoderOf(responseSerialize, responseStream ? maxFrameBytes : maxMessageBytes),
    meter: metrics?.forMethod(path.service, path.method) ?? NO_METER,
  };
}

function encoderOf(serialize: (answer: unknown) => Buffer, maxBytes: number): (answer: unknown) => Buffer {
  return function encode(answer) {
    const bytes = Buffer.isBuffer(answer) ? answer : serialize(answer);
    if (bytes.length <= maxBytes) return bytes;
    throw new ServiceError(
      'LIMIT_EXCEEDED',
      `the answer is ${bytes.length} bytes, more than ${maxBytes}; ask for less`,
    );
  };
}

function guardCodecs(method: UntypedMethod, runtime: MethodRuntime, maxFrameBytes: number): UntypedMethod {
  const { requestDeserialize, requestStream } = method;
  return {
    ...method,
    requestDeserialize(bytes) {
      if (requestStream && bytes.length > maxFrameBytes) {
        return refuse('LIMIT_EXCEEDED', `the message is ${bytes.length} bytes, more than ${maxFrameBytes}`);
      }
      try {
        return requestDeserialize(bytes);
      } catch {
        // Without its cause, which would go to the log: whoever sends garbage must not fill our disk.
        return refuse('ARGUMENT_INVALID', `the request is no valid message of ${runtime.method}`);
      }
    },
    // The adapters encode, where an answer that is no message still fails its own call in the usual way.
    responseSerialize: (bytes) => bytes as Buffer,
  };
}

function decodeLater(method: UntypedMethod, guard: MethodGuard): UntypedMethod {
  const { requestDeserialize } = method;
  const check = guard.on === 'request' ? guard.check : undefined;
  if (guard.on !== 'nothing' && check === undefined) throw new Error(`${method.path} has a guard for streams`);
  const open = (bytes: Buffer, call: CallContext): unknown => {
    const request: unknown = requestDeserialize(bytes);
    if (request instanceof RefusedRequest) throw request.error;
    const checked = check?.(request, call);
    return checked === undefined ? request : checked.then(() => request);
  };
  return { ...method, requestDeserialize: (bytes) => new EncodedRequest(bytes, open) };
}

function refuse(reason: 'LIMIT_EXCEEDED' | 'ARGUMENT_INVALID', message: string): RefusedRequest {
  return new RefusedRequest(new ServiceError(reason, message));
}

function unimplemented({ requestStream, responseStream }: UntypedMethod): MethodAdapter<unknown, unknown> {
  const refuseCall = (): never => {
    throw new ServiceError('UNIMPLEMENTED', 'this server does not offer this method');
  };
  if (requestStream) return responseStream ? bidiStream(refuseCall) : clientStream(refuseCall);
  return responseStream ? serverStream(refuseCall) : unary(refuseCall);
}
