/**
 * A TCP proxy that breaks connections the way networks do; it stands before etcd, TLS or not, and knows no protocol.
 *
 * One mode at a time, for open and new connections alike, until `pass()`. After `dropReplies` a connection has lost
 * bytes and cannot go on, so `pass()` cuts it; after `hang` nothing is lost, and both sides go on where they were.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections from clients that are open now. */
  readonly connectionCount: number;
  /** Connections that clients opened so far. */
  readonly acceptedCount: number;
  /** Resets every open connection; new ones work. */
  cut(): void;
  /** Resets every open connection and refuses new ones (ECONNREFUSED). */
  refuse(): Promise<void>;
  /** Black hole: connections are accepted and stay open, no byte passes in either direction, no end is reported. */
  hang(): void;
  /** Every byte arrives that much later, in both directions. */
  delay(delayMs: number): void;
  /** Requests pass, answers vanish: what was asked is done, and nobody hears of it. */
  dropReplies(): void;
  /** Decides about each piece of bytes on its way to the client. "pass-then-cut" lets the client see it first. */
  filterReplies(decide: (piece: Buffer) => ReplyDecision): void;
  /** Ends whatever mode was on. */
  pass(): Promise<void>;
}

export type ReplyDecision = 'pass' | 'drop' | 'cut' | 'pass-then-cut';

export interface TcpProxyOptions {
  readonly targetPort: number;
  /** Default 127.0.0.1. */
  readonly targetHost?: string;
}

type Mode =
  | { readonly kind: 'pass' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'filter'; readonly decide: (piece: Buffer) => ReplyDecision };

export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const port = await freePort();
  const connections = new Set<Connection>();
  let mode: Mode = { kind: 'pass' };
  let acceptedCount = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    acceptedCount += 1;
    const connection = new Connection(client, { options, mode: () => mode });
    connections.add(connection);
    client.once('close', () => connections.delete(connection));
    connection.apply();
  });
  await listen(server, port);
  const change = (next: Mode) => {
    mode = next;
    for (const connection of connections) connection.apply();
  };
  const cut = () => {
    for (const connection of connections) connection.cut();
  };
  return {
    port,
    get connectionCount() {
      return connections.size;
    },
    get acceptedCount() {
      return acceptedCount;
    },
    cut,
    async refuse() {
      const closed = close(server);
      cut();
      await closed;
    },
    hang: () => change({ kind: 'hang' }),
    delay: (delayMs) => change({ kind: 'delay', delayMs }),
    dropReplies: () => change({ kind: 'filter', decide: () => 'drop' }),
    filterReplies: (decide) => change({ kind: 'filter', decide }),
    async pass() {
      for (const connection of connections) if (connection.lostBytes) connection.cut();
      change({ kind: 'pass' });
      if (!server.listening) await listen(server, port);
    },
    async [Symbol.asyncDispose]() {
      const closed = close(server);
      cut();
      await closed;
    },
  };
}

/** How much delayed data one direction holds before it stops reading. */
const MAXIMUM_HELD_BYTES = 1_048_576;

class Connection {
  lostBytes = false;
  readonly #client: Socket;
  readonly #options: TcpProxyOptions;
  readonly #mode: () => Mode;
  #target: Socket | undefined;

  constructor(client: Socket, { options, mode }: { options: TcpProxyOptions; mode: () => Mode }) {
    this.#client = client;
    this.#options = options;
    this.#mode = mode;
    client.on('error', () => this.cut());
    client.on('close', () => this.#target?.destroy());
  }

  /** Follows the mode. A connection that was accepted while hanging reaches the target when that is over. */
  apply(): void {
    if (this.#mode().kind === 'hang') {
      this.#client.pause();
      this.#target?.pause();
      return;
    }
    if (this.#target === undefined) this.#connect();
    this.#client.resume();
    this.#target?.resume();
  }

  cut(): void {
    this.#client.resetAndDestroy();
    this.#target?.resetAndDestroy();
  }

  #connect(): void {
    const { targetHost = '127.0.0.1', targetPort } = this.#options;
    const target = connect({ host: targetHost, port: targetPort, allowHalfOpen: true, noDelay: true });
    this.#target = target;
    this.#client.setNoDelay(true);
    // A target that is down looks as it would without a proxy: the connection breaks.
    target.on('error', () => this.cut());
    target.on('close', () => this.#client.destroy());
    this.#pump(this.#client, target, () => 'pass');
    this.#pump(target, this.#client, (piece) => {
      const mode = this.#mode();
      return mode.kind === 'filter' ? mode.decide(piece) : 'pass';
    });
  }

  #pump(source: Socket, sink: Socket, decide: (piece: Buffer) => ReplyDecision): void {
    const line = new DelayLine();
    const resume = () => {
      if (this.#mode().kind !== 'hang') source.resume();
    };
    const send = (piece: Buffer) => {
      if (!sink.destroyed && !sink.write(piece)) source.pause();
    };
    const delayMs = () => {
      const mode = this.#mode();
      return mode.kind === 'delay' ? mode.delayMs : 0;
    };
    const sendLater = (piece: Buffer) => {
      line.push({ delayMs: delayMs(), bytes: piece.length }, () => {
        send(piece);
        resume();
      });
      if (line.heldBytes > MAXIMUM_HELD_BYTES) source.pause();
    };
    sink.on('drain', resume);
    source.on('data', (piece: Buffer) => {
      const decision = decide(piece);
      if (decision === 'drop') this.lostBytes = true;
      else if (decision === 'cut') this.cut();
      else if (decision === 'pass-then-cut') sink.write(piece, () => this.cut());
      else if (delayMs() > 0 || line.heldBytes > 0) sendLater(piece);
      else send(piece);
    });
    source.on('end', () => line.push({ delayMs: delayMs(), bytes: 0 }, () => sink.end()));
  }
}

/** Acts one after another, each no sooner than its delay: also when a shorter delay follows a longer one. */
class DelayLine {
  heldBytes = 0;
  #last: Promise<void> = Promise.resolve();

  push({ delayMs, bytes }: { readonly delayMs: number; readonly bytes: number }, act: () => void): void {
    this.heldBytes += bytes;
    const due = sleep(delayMs);
    this.#last = this.#last.then(async () => {
      await due;
      this.heldBytes -= bytes;
      act();
    });
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
