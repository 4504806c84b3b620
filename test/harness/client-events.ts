/** Clients of a real event bus, straight to it or through a proxy that breaks. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mintToken } from '#lib/token/mint.ts';
import { type ConnectOptions, connect, type Mcp2Client, type ReceivedEvent, tokenFile } from '#sdk/client/index.ts';
import type { CallerClaims } from './bus-caller.ts';
import { EVERY_EVENT, ownName, type TestBus } from './event-bus.ts';
import { createWorkspace } from './processes.ts';
import { ISSUER } from './registry-fixture.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A token for every event, of a subject of its own. */
export function mintFor(bus: TestBus, claims: CallerClaims = {}): Promise<string> {
  const { sub = ownName('agent') } = claims;
  const rights = claims.grants === undefined ? { capabilities: EVERY_EVENT } : {};
  const request = { iss: ISSUER, aud: ['EventBusServer'], allowEverything: true, ...rights, ...claims, sub };
  return mintToken(bus.tokens.signingKey, request, { clock: { nowMs: () => Date.now() } });
}

/** Needs no registry, since events do not ask it. */
export async function connectTo(eventBus: string, options: ConnectOptions = {}): Promise<Mcp2Client> {
  const ambient = { env: {}, homeFolder: '/nowhere' };
  return connect({ registry: '127.0.0.1:1', eventBus, ambient, ...options });
}

export interface EventClient extends AsyncDisposable {
  readonly mcp2: Mcp2Client;
  readonly proxy: TcpProxy;
}

/** A client behind a proxy of its own. */
export async function connectThroughProxy(bus: TestBus, options: ConnectOptions = {}): Promise<EventClient> {
  const proxy = await startTcpProxy({ targetPort: Number(bus.target.split(':').at(-1)) });
  const token = options.token ?? (await mintFor(bus));
  const mcp2 = await connectTo(`127.0.0.1:${proxy.port}`, { ...options, token });
  return {
    mcp2,
    proxy,
    async [Symbol.asyncDispose]() {
      mcp2.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

export interface RenewedToken extends AsyncDisposable {
  readonly source: () => Promise<string>;
  /** Tokens so far. */
  readonly count: number;
}

/** A token file with short tokens that somebody renews before each of them ends. */
export async function renewToken(bus: TestBus, ttlSeconds: number): Promise<RenewedToken> {
  const file = join(createWorkspace('token').folder, 'token');
  const sub = ownName('agent');
  let count = 0;
  const renew = async () => {
    writeFileSync(file, await mintFor(bus, { sub, ttlSeconds }));
    count += 1;
  };
  await renew();
  const timer = setInterval(() => void renew().catch(() => undefined), (ttlSeconds * 1_000) / 3);
  return {
    source: tokenFile(file) as () => Promise<string>,
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
    },
  };
}

/** What a subscription gives, collected beside the test. */
export interface Collected {
  readonly events: readonly ReceivedEvent[];
  /** "topic/sequence" of each. */
  readonly places: () => readonly string[];
  /** Rejects with what ended the loop. */
  readonly ended: Promise<void>;
}

export function collect(events: AsyncIterable<ReceivedEvent>, { ack = false } = {}): Collected {
  const collected: ReceivedEvent[] = [];
  const read = async () => {
    for await (const event of events) {
      collected.push(event);
      if (ack) event.ack().catch(() => undefined);
    }
  };
  const ended = read();
  ended.catch(() => undefined);
  return {
    events: collected,
    places: () => collected.map(({ topic, sequence }) => `${topic}/${sequence}`),
    ended,
  };
}
