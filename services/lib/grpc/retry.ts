/**
 * How a client goes on when the server it talks to goes away: the policy of docs/clients.md, as channel options.
 *
 * Only for methods that may be sent twice. gRPC itself sends any call again that certainly never reached a server; a
 * call that was on its way when the connection broke may have been carried out, and only its caller knows whether
 * that matters.
 */
import type { ChannelOptions } from '@grpc/grpc-js';

/**
 * Pauses of about 0.2, 0.4, 0.8 and 1.6 s (gRFC A6: each ±20 %): a server that has just started may take that long to
 * know what it serves. More than five attempts are not made by any gRPC library, whatever is written here.
 */
const RETRY_POLICY = Object.freeze({
  maxAttempts: 5,
  initialBackoff: '0.2s',
  maxBackoff: '2s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
});

const FIRST_RECONNECT_MS = 100;
const LAST_RECONNECT_MS = 2_000;

/** A Service that sends us to a server that is gone may send us to another one at once; the default is a second. */
export function reconnectOptions(lastMs = LAST_RECONNECT_MS): ChannelOptions {
  return { 'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS, 'grpc.max_reconnect_backoff_ms': lastMs };
}

/** @param paths of methods, for example "/mcp2.Discovery/Lookup". */
export function retryOptions(paths: readonly string[]): ChannelOptions {
  if (paths.length === 0) return {};
  return {
    'grpc.service_config': JSON.stringify({
      methodConfig: [{ name: paths.map(toName), retryPolicy: RETRY_POLICY }],
    }),
    ...reconnectOptions(),
  };
}

function toName(path: string): { readonly service: string; readonly method: string } {
  const [service = '', method = ''] = path.slice(1).split('/');
  return { service, method };
}
