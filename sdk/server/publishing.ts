/**
 * How a server publishes: with its own token, to the bus that it is told of or finds. Both are looked for at the first event: a
 * server that publishes nothing needs neither.
 */
import type { Logger } from '#lib/logger.ts';
import type { Services } from '#protos/load.ts';
import type { Ambient } from '../client/ambient.ts';
import { type FoundEventBusOptions, openEventBus } from '../client/event-bus-connection.ts';
import { createLazyEventPublisher, type EventPublisher } from '../client/event-publisher.ts';
import { findToken } from '../client/settings.ts';
import { type TokenSource, tokenFile } from '../client/token-source.ts';

/** A token that somebody else renews, in a file that is read again when it changes, or from a function. */
export type ServerToken = { readonly fromFile: string } | TokenSource;

export interface ServerPublisherOptions extends Omit<FoundEventBusOptions, 'tlsServerName'> {
  /** Default: MCP2_TOKEN_FILE, MCP2_TOKEN, or the file that is mounted at /var/run/mcp2/token. Its audience: EventBusServer. */
  readonly token?: ServerToken | undefined;
  /** The name in the event bus' certificate, where its address is another one. */
  readonly eventBusTlsServerName?: string | undefined;
}

export interface ServerPublisherParts {
  readonly ambient: Ambient;
  readonly protos: () => Pick<Services, 'EventBus'>;
  readonly log: () => Logger;
}

export function createServerPublisher(options: ServerPublisherOptions, parts: ServerPublisherParts): EventPublisher {
  const { ambient, protos, log } = parts;
  const { token, eventBus, caFile, plaintext, certificateFile, keyFile, eventBusTlsServerName } = options;
  const place = { eventBus, caFile, plaintext, certificateFile, keyFile, tlsServerName: eventBusTlsServerName };
  return createLazyEventPublisher(ambient, () =>
    openEventBus(place, { ambient, token: tokenOf(token, ambient), protos: protos(), log: log() }),
  );
}

function tokenOf(token: ServerToken | undefined, ambient: Ambient): TokenSource {
  if (typeof token === 'object') return tokenFile(token.fromFile, { clock: ambient.clock });
  return findToken(token, ambient);
}
