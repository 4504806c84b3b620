/**
 * A server to call: found by the token that was given, or by one that is minted here. A minted one has the one right that the
 * call needs, for the servers that offer it.
 */
import { MAX_AUDIENCES } from '#lib/capability/audience.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { onOneLine } from '#lib/printable.ts';
import { FilterMode } from '#protos/generated/mcp2/FilterMode.ts';
import type { Endpoint, Mcp2Client } from '#sdk/client/index.ts';
import { DEADLINE_MS } from '../connection-target.ts';
import { CommandFailed } from '../failure.ts';
import { DEFAULT_SUBJECT, givenToken, knownServerNames, mintFor, mintTokens, namesFor } from '../lookup/authority.ts';
import { lookUpAll } from '../lookup/pages.ts';
import { connectRegistry } from '../registry-connection.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { explainServerCall } from './explain.ts';
import type { CallOptions } from './options.ts';

export interface WantedServer {
  /** For people: "the tool compute_pricing". */
  readonly what: string;
  /** Servers that offer one of them are meant. */
  readonly filters: readonly string[];
  /** What a minted token gets. */
  readonly right: string;
}

export interface ServerAccess {
  readonly client: Mcp2Client;
  readonly server: string | undefined;
  /** Undefined: the client finds them by its token. */
  readonly endpoints: readonly Endpoint[] | undefined;
}

interface Minting {
  readonly options: CallOptions;
  readonly state: StateFolder;
  readonly terminal: Terminal;
}

/** More than anybody tries. */
const MAX_ENDPOINTS = 100;

/** Runs a call of a server that offers what is wanted. @throws CommandFailed */
export async function withServer<T>(
  wanted: WantedServer,
  options: CallOptions,
  terminal: Terminal,
  run: (access: ServerAccess) => Promise<T>,
): Promise<T> {
  const state = locateState(options.state, terminal);
  const given = await givenToken(options, terminal);
  let token = given ?? '';
  const connection = await connectRegistry(options, state, terminal, () => token);
  const { client } = connection;
  try {
    if (given !== undefined) await requireRegistry(client, given);
    const minted = given === undefined ? await mintForCall(client, wanted, { options, state, terminal }) : undefined;
    token = minted?.token ?? token;
    return await run({ client, server: options.server, endpoints: minted?.endpoints });
  } catch (error) {
    throw explainServerCall(error, { ...connection, what: wanted.what, timeoutMs: options.timeout });
  } finally {
    client.close();
  }
}

/** The same for one server by its name, whatever it offers. @throws CommandFailed */
export async function withNamedServer<T>(
  name: string,
  options: CallOptions,
  terminal: Terminal,
  run: (client: Mcp2Client, server: string) => Promise<T>,
): Promise<T> {
  const state = locateState(options.state, terminal);
  const given = await givenToken(options, terminal);
  const [server = name] = given === undefined ? namesFor(name, knownServerNames(state)) : [name];
  const { as: sub = DEFAULT_SUBJECT } = options;
  const rights = { sub, aud: [server], capabilities: ['registry:lookup'] };
  const token = given ?? (await mintFor(rights, state, terminal.clock));
  const connection = await connectRegistry(options, state, terminal, () => token);
  try {
    await requireRegistry(connection.client, token);
    return await run(connection.client, server);
  } catch (error) {
    throw explainServerCall(error, { ...connection, what: `the server ${server}`, timeoutMs: options.timeout });
  } finally {
    connection.client.close();
  }
}

/** A person waits: a client would wait for a registry that is not there. An empty filter finds nothing. */
async function requireRegistry(client: Mcp2Client, requester_token: string): Promise<void> {
  await client.lookup({ requester_token, capability_filter: [] }, { failFast: true, deadlineMs: DEADLINE_MS });
}

async function mintForCall(
  client: Mcp2Client,
  { what, filters, right }: WantedServer,
  { options, state, terminal }: Minting,
): Promise<{ readonly token: string; readonly endpoints: readonly Endpoint[] }> {
  const { server, as: sub = DEFAULT_SUBJECT } = options;
  const tokens = await mintTokens({ ...options, serverName: server }, state, terminal.clock);
  const query = { capability_filter: [...filters], mode: FilterMode.FILTER_MODE_ANY, server_name: server ?? '' };
  const found = await lookUpAll({ client, tokens, query, limit: MAX_ENDPOINTS, deadlineMs: DEADLINE_MS });
  const aud = [...new Set(found.endpoints.map(({ server_name }) => server_name))].slice(0, MAX_AUDIENCES);
  if (aud.length === 0) throw nobody(what, server, found.notServing);
  const endpoints = found.endpoints.filter(({ server_name }) => aud.includes(server_name));
  return { token: await mintFor({ sub, aud, capabilities: [right] }, state, terminal.clock), endpoints };
}

function nobody(what: string, server: string | undefined, notServing: readonly string[]): CommandFailed {
  if (notServing.length > 0) {
    const names = notServing.map(onOneLine).join(', ');
    return new CommandFailed(`${names} could give ${what}, but does not serve now: "mcp2 get servers" says why`);
  }
  const who = server === undefined ? 'no server that is known here offers' : `no server ${onOneLine(server)} offers`;
  return new CommandFailed(
    `${who} ${what}: "mcp2 get servers" lists the servers, "mcp2 describe SERVER" what one offers`,
  );
}
