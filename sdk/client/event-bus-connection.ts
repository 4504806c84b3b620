/**
 * The event bus as clients and servers call it: one connection, made when first used, and the token with each call. A call
 * is sent again for as long as that may help and can do no harm: events carry an id, everything else changes nothing twice.
 */
import type { ChannelCredentials } from '@grpc/grpc-js';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method, RpcChannel } from '#lib/grpc/channel.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { type Logger, silentLogger } from '#lib/logger.ts';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import type { Services } from '#protos/load.ts';
import type { Ambient } from './ambient.ts';
import { type RunningCall, recordAttempt, remainingMs } from './attempts.ts';
import { sendWithToken } from './authorized-call.ts';
import { type EventBusOptions, readEventBusSettings } from './event-bus-settings.ts';
import { isUncertain, repeatDelayMs, SAFE_REPEAT_MS } from './event-failures.ts';
import { openTlsFiles, registryChannel } from './registry-channel.ts';
import { type TokenSource, takeToken } from './token-source.ts';

export interface EventBusConnection {
  /** host:port. */
  readonly address: string;
  readonly channel: RpcChannel;
  readonly token: TokenSource;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly protos: Pick<Services, 'EventBus'>;
  close(): void;
}

export interface EventBusParts extends Pick<EventBusConnection, 'address' | 'token' | 'clock' | 'random' | 'protos'> {
  readonly credentials: ChannelCredentials;
  /** The name in the bus' certificate, where its address is another one. */
  readonly tlsServerName?: string | undefined;
}

export function createEventBusConnection(parts: EventBusParts): EventBusConnection {
  const { address, token, clock, random, protos, credentials, tlsServerName } = parts;
  const channel = registryChannel(address, { credentials, clock, tlsServerName });
  return { address, channel, token, clock, random, protos, close: () => channel.close() };
}

export interface FoundEventBusOptions extends EventBusOptions {
  readonly tlsServerName?: string | undefined;
  /** PEM, for a bus that wants to see a certificate: both or none. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface FoundEventBusParts extends Pick<EventBusParts, 'token' | 'protos'> {
  readonly ambient: Ambient;
  readonly log?: Logger;
}

/** @throws NotConfigured */
export async function openEventBus(
  options: FoundEventBusOptions,
  { ambient, token, protos, log = silentLogger }: FoundEventBusParts,
): Promise<EventBusConnection> {
  const { clock, random } = ambient;
  const { address, caFile } = readEventBusSettings(options, ambient);
  const { tlsServerName, certificateFile, keyFile } = options;
  const tls = caFile && (await openTlsFiles({ caFile, certificateFile, keyFile }, { clock, log }));
  const credentials = tls ? tls.credentials : plaintextClient();
  const opened = createEventBusConnection({ address, token, clock, random, protos, credentials, tlsServerName });
  const close = () => {
    opened.close();
    if (tls) tls.close();
  };
  return { ...opened, close };
}

export type EventBusMethod = keyof Services['EventBus'] & string;

export function eventBusMethod({ EventBus }: Pick<Services, 'EventBus'>, name: EventBusMethod): Method {
  return EventBus[name] as unknown as Method;
}

const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 2_000;

/** @throws CallError of the last attempt; the signal's reason */
export async function callEventBus(
  connection: EventBusConnection,
  { method, request }: { readonly method: Method; readonly request: object },
  running: RunningCall,
): Promise<unknown> {
  const { clock, random, channel, token, address } = connection;
  const backoff = new Backoff({ baseMs: FIRST_PAUSE_MS, capMs: LAST_PAUSE_MS, random });
  let { endMs } = running;
  for (;;) {
    running.signal.throwIfAborted();
    const startedMs = clock.monotonicMs();
    try {
      return await recordAttempt(running, clock, { server: EVENT_BUS_NAME, endpoint: address }, async () => {
        const { signal, metadata } = running;
        const settings = { deadlineMs: remainingMs(running, clock), metadata, signal };
        return sendWithToken({ channel, method, request, token: await takeToken(token) }, settings);
      });
    } catch (error) {
      const delayMs = error instanceof CallError ? repeatDelayMs(error) : undefined;
      if (delayMs === undefined) throw error;
      if (isUncertain(error as CallError)) endMs = Math.min(endMs, startedMs + SAFE_REPEAT_MS);
      const pauseMs = Math.max(delayMs, backoff.nextMs());
      if (clock.monotonicMs() + pauseMs >= endMs) throw error;
      await clock.sleep(pauseMs, running.signal);
    }
  }
}
