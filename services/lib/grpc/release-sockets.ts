/**
 * A channel that is closed lets go of the connections that it was still making.
 *
 * grpc-js closes those that stand, and forgets those that do not: to a server that accepts and then says nothing (its
 * process is stopped, or hangs) the socket stays open for as long as that server likes, and with it the process. The
 * connector is where grpc-js shows us the socket. Used by credentials.ts alone, since the hook is not documented.
 */
import type { Socket } from 'node:net';
import { ChannelCredentials } from '@grpc/grpc-js';

type Create = ChannelCredentials['_createSecureConnector'];
type Connector = ReturnType<Create>;

/** @returns the same credentials, for channels that release their sockets. */
export function releaseSockets(credentials: ChannelCredentials): ChannelCredentials {
  return new ReleasingCredentials(credentials);
}

class ReleasingCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;

  constructor(inner: ChannelCredentials) {
    super();
    this.#inner = inner;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return other instanceof ReleasingCredentials && this.#inner._equals(other.#inner);
  }

  override _createSecureConnector(...args: Parameters<Create>): Connector {
    return new ReleasingConnector(this.#inner._createSecureConnector(...args));
  }
}

class ReleasingConnector implements Connector {
  readonly #inner: Connector;
  /** What has not answered yet, with the bytes that were read of it before HTTP/2 began. */
  readonly #sockets = new Map<Socket, number>();
  #isDestroyed = false;

  constructor(inner: Connector) {
    this.#inner = inner;
  }

  async connect(socket: Socket): ReturnType<Connector['connect']> {
    if (this.#isDestroyed) throw new Error('the channel is closed');
    this.#sockets.set(socket, Number.POSITIVE_INFINITY);
    socket.once('close', () => this.#sockets.delete(socket));
    const connected = await this.#inner.connect(socket);
    this.#sockets.set(socket, socket.bytesRead);
    return connected;
  }

  waitForReady(): Promise<void> {
    return this.#inner.waitForReady();
  }

  getCallCredentials(): ReturnType<Connector['getCallCredentials']> {
    return this.#inner.getCallCredentials();
  }

  /** Of the last channel that used it. A server that has sent its settings may still be answering: grpc-js closes that. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#inner.destroy();
    for (const [socket, bytesBefore] of this.#sockets) if (socket.bytesRead <= bytesBefore) socket.destroy();
  }
}
