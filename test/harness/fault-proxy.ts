/**
 * A proxy before the API server that makes it fail as real ones do, for the requests that a test aims at.
 *
 * It ends TLS itself (HTTP/1.1 and HTTP/2) and forwards over HTTP/1.1 what it gets, the bearer token included. Client
 * certificates do not pass; neither do upgrades (exec, port-forward). The first rule that hits a request decides.
 */

import { randomBytes } from 'node:crypto';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Agent } from 'undici';
import { type Client, Exchange } from './fault-exchange.ts';
import { ActiveFault, type FaultRule, type InjectedFault, statusObject } from './faults.ts';
import type { KubeEndpoint } from './kube-endpoint.ts';
import { type KubeRequest, type KubeRequestMatch, matchesRequest, parseKubeRequest } from './kube-request.ts';
import { type KubeAccess, type KubeCredentials, writeKubeconfig } from './kubeconfig.ts';
import { createCertificateAuthority } from './pki.ts';
import { freePort } from './ports.ts';
import { createWorkspace } from './processes.ts';

export interface RecordedRequest extends KubeRequest {
  /** performance.now() when it arrived. */
  readonly atMs: number;
  /** HTTP status as the client saw it; undefined while open, and when the client got none. */
  readonly status: number | undefined;
  /** Kind of the fault that it got. */
  readonly fault: string | undefined;
}

export interface FaultProxy extends AsyncDisposable {
  /** The API server's admin, through this proxy. */
  readonly admin: KubeAccess;
  readonly adminKubeconfig: string;
  kubeconfigFor(credentials: Extract<KubeCredentials, { token: string }>): Promise<string>;
  /** For requests that come from now on. */
  inject(rule: FaultRule): InjectedFault;
  /** Clears every fault; requests that hang are cut. */
  clear(): void;
  /** Requests so far that match, oldest first; the last 100,000. */
  requests(match?: KubeRequestMatch): readonly RecordedRequest[];
  forgetRequests(): void;
  /** Breaks open watches. @returns How many. */
  cutStreams(match?: KubeRequestMatch): number;
  /** Open watches stay open and get nothing more (a black hole), until the returned function is called. */
  freezeStreams(match?: KubeRequestMatch): () => void;
  /** Sends a line in open watches; wait for quiet, or it lands inside a long event. @returns To how many. */
  sendToStreams(line: string, match?: KubeRequestMatch): number;
  /** Sends an ERROR event in open watches, which stay open. @returns To how many. */
  sendErrorToStreams(code: number, match?: KubeRequestMatch): number;
  /** Resets every connection of every client. */
  cutConnections(): void;
}

export interface StartFaultProxyOptions {
  readonly target: KubeEndpoint;
  /** Offer HTTP/2 to clients. Default true, as the API server does. */
  readonly http2?: boolean;
}

const MAXIMUM_RECORDED = 100_000;

export async function startFaultProxy({ target, http2 = true }: StartFaultProxyOptions): Promise<FaultProxy> {
  const { folder } = createWorkspace('fault-proxy');
  const authority = await createCertificateAuthority(join(folder, 'pki'));
  const { certificate: cert, key } = await authority.issue({ commonName: 'fault-proxy' });
  const ALPNProtocols = http2 ? ['h2', 'http/1.1'] : ['http/1.1'];
  const server = createSecureServer({ allowHTTP1: true, ALPNProtocols, cert, key });
  const proxy = new Proxying(server, target.admin);
  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, resolve);
  });
  const access = { url: `https://127.0.0.1:${port}`, authority: authority.certificate };
  const admin: KubeAccess = { ...access, credentials: target.admin.credentials };
  const newFile = () => join(folder, `${randomBytes(4).toString('hex')}.kubeconfig`);
  return {
    admin,
    adminKubeconfig: await writeKubeconfig(newFile(), admin),
    kubeconfigFor: (credentials) => writeKubeconfig(newFile(), { ...access, credentials }),
    inject: (rule) => proxy.inject(rule),
    clear: () => proxy.clear(),
    requests: (match) => proxy.requests(match),
    forgetRequests: () => proxy.forgetRequests(),
    cutStreams: (match) => proxy.onStreams((exchange) => exchange.cut(), match),
    freezeStreams: (match) => proxy.freezeStreams(match),
    sendToStreams: (line, match) => proxy.onStreams((exchange) => exchange.send(`${line}\n`), match),
    sendErrorToStreams: (code, match) => {
      const line = JSON.stringify({ type: 'ERROR', object: statusObject(code) });
      return proxy.onStreams((exchange) => exchange.send(`${line}\n`), match);
    },
    cutConnections: () => proxy.cutConnections(),
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}

class Proxying {
  readonly #server: Http2SecureServer;
  readonly #target: KubeAccess;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #open = new Set<Exchange>();
  readonly #recorded: Exchange[] = [];
  readonly #faults = new Set<ActiveFault>();

  constructor(server: Http2SecureServer, target: KubeAccess) {
    this.#server = server;
    this.#target = target;
    // One connection a request: a fault of one must not reach another on the way to the API server.
    const connect = { ca: target.authority };
    this.#agent = new Agent({ connect, allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // A client that breaks its connection is one of the things under test.
    server.on('sessionError', () => {});
    server.on('tlsClientError', () => {});
    server.on('request', (request, response) => this.#serve({ request, response }));
  }

  inject(rule: FaultRule): InjectedFault {
    const active = new ActiveFault(rule);
    this.#faults.add(active);
    active.cleared.addEventListener('abort', () => this.#faults.delete(active));
    return active;
  }

  clear(): void {
    for (const fault of this.#faults) fault.clear();
  }

  requests(match: KubeRequestMatch = {}): RecordedRequest[] {
    return this.#recorded
      .filter(({ request }) => matchesRequest(request, match))
      .map(({ request, atMs, status, fault }) => ({ ...request, atMs, status, fault: fault?.fault.kind }));
  }

  forgetRequests(): void {
    this.#recorded.length = 0;
  }

  /** @returns How many watches there were. */
  onStreams(act: (exchange: Exchange) => void, match: KubeRequestMatch = {}): number {
    const found = this.#streams(match);
    for (const exchange of found) act(exchange);
    return found.length;
  }

  freezeStreams(match: KubeRequestMatch = {}): () => void {
    const found = this.#streams(match);
    for (const exchange of found) exchange.freeze();
    return () => {
      for (const exchange of found) exchange.thaw();
    };
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.clear();
    for (const exchange of this.#open) exchange.cut();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([closed, this.#agent.destroy()]);
  }

  #serve(client: Client): void {
    const request = parseKubeRequest(client.request.method ?? 'GET', client.request.url ?? '/');
    const fault = [...this.#faults].find((candidate) => candidate.hit(request));
    const exchange = new Exchange(client, { request, fault });
    this.#recorded.push(exchange);
    if (this.#recorded.length > MAXIMUM_RECORDED) this.#recorded.shift();
    this.#open.add(exchange);
    void exchange.run({ url: this.#target.url, agent: this.#agent }).finally(() => this.#open.delete(exchange));
  }

  #streams(match: KubeRequestMatch): Exchange[] {
    const answering = ({ request, status }: Exchange) => request.verb === 'watch' && status !== undefined;
    return [...this.#open].filter((exchange) => answering(exchange) && matchesRequest(exchange.request, match));
  }
}
