/**
 * Transport security of servers and clients: plaintext, TLS, mTLS.
 */
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';

export function plaintextServer(): ServerCredentials {
  return ServerCredentials.createInsecure();
}

export function plaintextClient(): ChannelCredentials {
  return ChannelCredentials.createInsecure();
}
