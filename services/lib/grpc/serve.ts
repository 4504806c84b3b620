/**
 * A gRPC server: services in, one port out, with limits, health, metrics and a drain.
 *
 * Everything a call needs is bound when its method is registered, not in interceptors: three of those cost 10 % of a
 * small call. Handlers never see grpc-js.
 */
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { ListenError, parseHostPort } from '../net/listen-address.ts';
import type { CallContext, CallEnd, CallLimits } from './call-context.ts';
import { createCallMetrics } from './call-metrics.ts';
import type { Guards } from './guard.ts';
import { HealthBoard, healthServiceOf } from './health.ts';
import { silenceLibrary } from './library-log.ts';
import { type Listener, openListener } from './listener.ts';
import type { ServerMiddleware, ServiceEntry } from './method.ts';
import { registerService, serviceNameOf } from './register.ts';

export interface ServerLimits extends CallLimits {
  /** A single request or answer. Default 4 MiB. */
  readonly maxMessageBytes: number;
  /**
   * A single request, where that can be less. Default: as `maxMessageBytes`. Before anybody knows who calls, a connection
   * can make us hold this times its streams.
   */
  readonly maxRequestBytes?: number;
  /** One message of a stream, in either direction. Default 1 MiB. */
  readonly maxFrameBytes: number;
  /** Default 256. */
  readonly maxStreamsPerConnection: number;
  /** Default 10 000; more are closed at once. */
  readonly maxConnections: number;
  /** Default 1 000. */
  readonly maxConnectionsPerAddress: number;
  /** Default 1 MiB. The memory that clients can make us hold is this times their connections. */
  readonly receiveWindowBytes: number;
  /** A connection that is silent for so long is pinged, and closed without an answer in 20 s. Default 60 000. */
  readonly keepaliveMs: number;
  /** How long streams go on after a drain began before they end with SHUTTING_DOWN. Default 2 000. */
  readonly streamGraceMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = Object.freeze({
  maxMetadataBytes: 8 * 1024,
  assumedDeadlineMs: 30_000,
  drainTimeoutMs: 60_000,
  maxMessageBytes: 4 * 1024 * 1024,
  maxFrameBytes: 1024 * 1024,
  maxStreamsPerConnection: 256,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_000,
  receiveWindowBytes: 1024 * 1024,
  keepaliveMs: 60_000,
  streamGraceMs: 2_000,
});

export interface ServerOptions {
  readonly services: readonly ServiceEntry[];
  /** Who may call what; a method without a rule does not start. */
  readonly guards: Guards;
  /** Inside of the guards: sees allowed calls alone, the first outermost. */
  readonly middleware?: readonly ServerMiddleware[];
  readonly credentials: ServerCredentials;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where calls are counted; none, no metrics. */
  readonly metrics?: Registry;
  readonly limits?: Partial<ServerLimits>;
  /** Called for each call that ended, for audit; must be quick and not throw. */
  readonly onCallEnd?: (end: CallEnd) => void;
}

export interface GrpcServer {
  /** Serving status of each service, for grpc.health.v1; all SERVING at first. */
  readonly health: HealthBoard;
  /** Opens "host:port" and resolves to the port. @throws ListenError */
  listen(hostPort: string): Promise<number>;
  /**
   * Ends the server without breaking calls: health says NOT_SERVING, no new connection or call is taken, streams get
   * their grace, running calls may finish; after `timeoutMs` what is left is cut. A second call waits for the first.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
}

/** @throws when a service is listed twice or an adapter does not fit its method. */
export function createServer({ services, credentials, clock, log, metrics, ...options }: ServerOptions): GrpcServer {
  silenceLibrary();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = new Server(channelOptions(limits));
  const open = new Set<CallContext>();
  const health = new HealthBoard(services.map(serviceNameOf));
  const callMetrics = metrics === undefined ? undefined : createCallMetrics(metrics);
  const { guards, middleware = [] } = options;
  const shared = { clock, log, limits, open, guards, metrics: callMetrics, onCallEnd: options.onCallEnd };
  for (const entry of services) registerService(server, entry, { ...shared, middleware });
  registerService(server, healthServiceOf(health), { ...shared, middleware: [] });
  const listeners: Listener[] = [];
  let stopped: Promise<void> | undefined;

  return { health, listen, drain, close };

  async function listen(hostPort: string): Promise<number> {
    const address = parseHostPort(hostPort);
    if (address === undefined) throw new ListenError(`"${hostPort}" is no host:port, for example 0.0.0.0:50050`);
    const listener = await openListener(address, { ...limits, grpcServer: server, credentials });
    listeners.push(listener);
    return listener.port;
  }

  function drain(timeoutMs: number): Promise<void> {
    stopped ??= stop(timeoutMs);
    return stopped;
  }

  function close(): Promise<void> {
    const ended = drain(0);
    cutConnections();
    return ended;
  }

  async function stop(timeoutMs: number): Promise<void> {
    health.stop();
    const ended = Promise.all(listeners.map((listener) => listener.stop()));
    server.tryShutdown(() => {}); // GOAWAY on every connection; when they have ended is known by their listeners
    const timers = [
      setTimeout(endStreams, Math.min(limits.streamGraceMs, timeoutMs / 2)),
      setTimeout(cutConnections, timeoutMs),
    ];
    await ended;
    for (const timer of timers) clearTimeout(timer);
  }

  function cutConnections(): void {
    for (const listener of listeners) listener.cut();
  }

  function endStreams(): void {
    const reason = new ServiceError('SHUTTING_DOWN', 'the server is shutting down; continue on another connection');
    for (const call of [...open]) if (call.isStream) call.abort(reason);
  }
}

function channelOptions(limits: ServerLimits): ConstructorParameters<typeof Server>[0] {
  return {
    'grpc.max_receive_message_length': limits.maxRequestBytes ?? limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxStreamsPerConnection,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.enable_channelz': 0,
  };
}
