/**
 * The event bus as a command uses it: `--address`, MCP2_EVENT_BUS_ADDRESS, or the one that a running `mcp2 up` left in the
 * state folder; with the token that was given, or with one that is minted here and has the rights that the command needs.
 */
import { compilePattern } from '#lib/capability/pattern.ts';
import { readLocalEventBus } from '#lib/config/connection-file.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import { connect, type Mcp2Client, type TokenSource, tokenFile } from '#sdk/client/index.ts';
import { chooseTarget, type FailedTarget, type KnownService } from '../connection-target.ts';
import { DEFAULT_SUBJECT, givenToken, mintFor } from '../lookup/authority.ts';
import { connectWith } from '../registry-connection.ts';
import { requireListening } from '../require-listening.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { mintedTokens } from '../token/minted-tokens.ts';
import { explainBusCall } from './explain.ts';
import type { BusOptions } from './options.ts';

export const EVENT_BUS: KnownService = {
  name: 'event bus',
  variable: 'MCP2_EVENT_BUS_ADDRESS',
  port: 50_052,
  remembered: readLocalEventBus,
};

export interface BusAccess {
  /** Of a client whose tokens have these rights, where tokens are minted here; otherwise of the one token there is. */
  readonly as: (...rights: readonly string[]) => Promise<Mcp2Client>;
}

/** A stream that goes on gets fresh ones. */
const TTL_SECONDS = 900;

/** Any right to subscribe: for what every subscriber may ask. */
export const ANY_SUBSCRIBER = 'event:subscribe:any';

/** Calls the bus, with clients that are closed in the end. @throws CommandFailed */
export async function withBus<T>(
  options: BusOptions,
  terminal: Terminal,
  run: (access: BusAccess) => Promise<T>,
): Promise<T> {
  const state = locateState(options.state, terminal);
  const given = await givenSource(options, terminal);
  const { address, isRemembered, ca } = chooseTarget(EVENT_BUS, options, state, terminal.env);
  const failed: FailedTarget = { address, isRemembered, isTls: ca !== undefined };
  const clients: Mcp2Client[] = [];
  try {
    await requireListening(address, options.timeout);
    return await run({ as });
  } catch (error) {
    throw explainBusCall(EVENT_BUS, error, { ...failed, timeoutMs: options.timeout });
  } finally {
    for (const client of clients) client.close();
  }

  async function as(...rights: readonly string[]): Promise<Mcp2Client> {
    const token = given ?? minted(rights, { options, state, terminal });
    const client = await connectWith(ca, () => connectBus({ address, ca, token, options, terminal }));
    clients.push(client);
    return client;
  }
}

interface BusConnection {
  readonly address: string;
  readonly ca: string | undefined;
  readonly token: TokenSource;
  readonly options: BusOptions;
  readonly terminal: Terminal;
}

function connectBus({ address, ca, token, options, terminal: { clock } }: BusConnection): Promise<Mcp2Client> {
  return connect({
    // Never asked: the bus is not found by Discovery.
    registry: address,
    eventBus: address,
    caFile: ca,
    tlsServerName: options.tlsServerName,
    // Whether that may be was decided before: nothing else that this machine knows may change it.
    plaintext: ca === undefined,
    token,
    ambient: { clock, env: {} },
  });
}

/** A file is read again when it changes: what follows events lives longer than a token. */
async function givenSource(options: BusOptions, terminal: Terminal): Promise<TokenSource | undefined> {
  const given = await givenToken(options, terminal);
  if (given === undefined) return undefined;
  const { tokenFile: path } = options;
  return path === undefined || path === '-' ? () => given : tokenFile(path, terminal);
}

interface Minting {
  readonly options: BusOptions;
  readonly state: StateFolder;
  readonly terminal: Terminal;
}

function minted(capabilities: readonly string[], { options, state, terminal: { clock } }: Minting): TokenSource {
  const rights = { sub: options.as ?? DEFAULT_SUBJECT, aud: [EVENT_BUS_NAME], capabilities };
  return mintedTokens({ clock, ttlSeconds: TTL_SECONDS, mint: () => mintFor(rights, state, clock, TTL_SECONDS) });
}

/** The right to do that with exactly this topic or filter, or with all below its first segment where it is too long to say. */
export function rightTo(what: 'publish' | 'subscribe', topicOrFilter: string): string {
  const right = `event:${what}:${topicOrFilter}`;
  return compilePattern(right) === undefined ? `event:${what}:${topicOrFilter.split(':')[0]}:*` : right;
}
