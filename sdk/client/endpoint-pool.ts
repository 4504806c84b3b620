/**
 * One channel for each endpoint, kept while it is used and what is known of it beside it: how fast it answered, how much
 * waits there, and its breaker. The least recently used goes, once its calls have ended.
 */
import { type ChannelCredentials, type ChannelOptions, status } from '@grpc/grpc-js';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { RpcChannel } from '#lib/grpc/channel.ts';
import { reconnectOptions } from '#lib/grpc/retry.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { isLoopback } from '#lib/net/loopback.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { Transport } from '#protos/generated/mcp2/Transport.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

export interface EndpointPoolOptions {
  readonly clock: Clock;
  readonly plaintextCredentials: ChannelCredentials;
  /** Undefined: no CA is known. */
  readonly tlsCredentials: ChannelCredentials | undefined;
  /** Also to other machines where the registry does not say how to connect. */
  readonly allowPlaintext: boolean;
}

const MAX_ENDPOINTS = 256;
/** Weight of a new measurement in the mean: about the last ten count. */
const NEW_SHARE = 0.2;
/** A measurement counts half after so long: one that was slow is tried again, although others are faster. */
const HALF_LIFE_MS = 10_000;

/** Pings while calls run: a machine that is gone sends no FIN. See docs/clients.md. */
export const KEEPALIVE_OPTIONS: ChannelOptions = Object.freeze({
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  // A client of its own has connections of its own: closed with it.
  'grpc.use_local_subchannel_pool': 1,
});

export class PooledEndpoint {
  readonly channel: RpcChannel;
  readonly breaker: CircuitBreaker;
  readonly #clock: Clock;
  inFlight = 0;
  #meanMs: number | undefined;
  #measuredAtMs = 0;
  #isDropped = false;

  constructor(channel: RpcChannel, clock: Clock) {
    this.channel = channel;
    this.#clock = clock;
    this.breaker = new CircuitBreaker(clock);
  }

  begin(): void {
    this.inFlight += 1;
    this.breaker.begin();
  }

  end(): void {
    this.inFlight -= 1;
    if (this.#isDropped && this.inFlight === 0) this.channel.close();
  }

  /** Undefined: nothing was measured yet. */
  get latencyMs(): number | undefined {
    if (this.#meanMs === undefined) return undefined;
    return this.#meanMs * 2 ** -((this.#clock.monotonicMs() - this.#measuredAtMs) / HALF_LIFE_MS);
  }

  measured(ms: number): void {
    this.#meanMs = this.#meanMs === undefined ? ms : this.#meanMs + (ms - this.#meanMs) * NEW_SHARE;
    this.#measuredAtMs = this.#clock.monotonicMs();
  }

  /** Closes the channel when the last call that runs on it has ended. */
  drop(): void {
    this.#isDropped = true;
    if (this.inFlight === 0) this.channel.close();
  }
}

export class EndpointPool {
  readonly #options: EndpointPoolOptions;
  readonly #kept = new LRUCache<string, PooledEndpoint>({ max: MAX_ENDPOINTS, dispose: (dropped) => dropped.drop() });

  constructor(options: EndpointPoolOptions) {
    this.#options = options;
  }

  /** What is known of it already, without connecting. */
  peek(endpoint: Endpoint): PooledEndpoint | undefined {
    return this.#kept.peek(keyOf(endpoint));
  }

  /** @throws CallError when there is no safe way to connect. */
  open(endpoint: Endpoint): PooledEndpoint {
    const key = keyOf(endpoint);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const { clock } = this.#options;
    const opened = new PooledEndpoint(
      new RpcChannel(endpoint.grpc_url, {
        credentials: this.#credentialsFor(endpoint),
        clock,
        channel: {
          ...KEEPALIVE_OPTIONS,
          ...reconnectOptions(1_000),
          ...(endpoint.tls_server_name === '' ? {} : { 'grpc.ssl_target_name_override': endpoint.tls_server_name }),
        },
      }),
      clock,
    );
    this.#kept.set(key, opened);
    return opened;
  }

  close(): void {
    this.#kept.clear();
  }

  #credentialsFor({ grpc_url, transport, server_name }: Endpoint): ChannelCredentials {
    const { plaintextCredentials, tlsCredentials, allowPlaintext } = this.#options;
    const refuse = (why: string) =>
      new CallError(`${server_name} at ${grpc_url} is not called: ${why}`, {
        code: status.UNAVAILABLE,
        reachedServer: false,
      });
    const address = grpc_url.replace(/^dns:\/\/\//, '');
    if (parseHostPort(address) === undefined) throw refuse('its address is not host:port');
    if (transport === Transport.TRANSPORT_PLAINTEXT) return plaintextCredentials;
    if (tlsCredentials !== undefined) return tlsCredentials;
    if (transport !== Transport.TRANSPORT_UNKNOWN) throw refuse('it speaks TLS, and no CA is known (caFile)');
    if (allowPlaintext || isLoopback(address)) return plaintextCredentials;
    throw refuse('how to connect is not stated, and the token would travel in the clear; name the CA with caFile');
  }
}

function keyOf({ grpc_url, transport, tls_server_name }: Endpoint): string {
  return `${transport} ${grpc_url} ${tls_server_name}`;
}
