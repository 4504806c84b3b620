/**
 * The tokens of a lookup: the one that was given, or fresh ones from the key in the state folder.
 *
 * The audience of a token narrows a lookup to the servers that it names and holds at most 16 of them, so a minted
 * lookup of everything asks once for each 16 of the names that are known.
 */
import { existsSync } from 'node:fs';
import { MAX_AUDIENCES } from '#lib/capability/audience.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { readForeignFileSync } from '#lib/foreign-file.ts';
import { onOneLine } from '#lib/printable.ts';
import { mintToken } from '#lib/token/mint.ts';
import { readFileState } from '../../operator/source/file-state.ts';
import { CommandFailed, usageError } from '../failure.ts';
import { readSigner } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { whyUnreadable } from '../text/input.ts';

export interface AuthorityOptions {
  readonly token?: string | undefined;
  /** "-" is stdin. */
  readonly tokenFile?: string | undefined;
  /** Subject of a minted token. */
  readonly as?: string | undefined;
  /** Audience of a minted token. */
  readonly audience?: readonly string[] | undefined;
  /** The one server that is asked for. */
  readonly serverName?: string | undefined;
}

/** Standalone mode: namespace `default`. */
export const DEFAULT_SUBJECT = 'default.developer';
/** Long enough to page through everything. */
const TTL_SECONDS = 120;
/** Far more than a token has. */
const MAX_TOKEN_BYTES = 64 * 1024;

/** @returns no token at all when no server is known that could be asked for. @throws CommandFailed */
export async function tokensFor(
  options: AuthorityOptions,
  state: StateFolder,
  terminal: Terminal,
): Promise<readonly string[]> {
  const given = await givenToken(options, terminal);
  return given === undefined ? mintTokens(options, state, terminal.clock) : [given];
}

/** The server names that a minted lookup can ask for. @throws CommandFailed */
export function knownServerNames(state: StateFolder): readonly string[] {
  try {
    return [...new Set(Object.values(readFileState(state.servers)).map(({ serverName }) => serverName))].sort();
  } catch (error) {
    throw new CommandFailed((error as Error).message, { cause: error });
  }
}

/** A lookup finds a name in any case; an audience names it exactly. A name that is not known may still be registered. */
export function namesFor(wanted: string | undefined, known: readonly string[]): readonly string[] {
  if (wanted === undefined) return known;
  return [known.find((name) => foldServerName(name) === foldServerName(wanted)) ?? wanted];
}

/** @returns undefined where none was given: one may be minted. @throws CommandFailed */
export async function givenToken(
  { token, tokenFile, as, audience }: AuthorityOptions,
  { env, readInput }: Terminal,
): Promise<string | undefined> {
  if (token !== undefined && tokenFile !== undefined) throw usageError('use --token or --token-file, not both');
  const named = token ?? (tokenFile === undefined ? undefined : await readToken(tokenFile, readInput));
  if (named?.trim() === '') throw usageError('the token is empty');
  const given = (named ?? env.MCP2_TOKEN)?.trim() || undefined;
  if (given !== undefined && (as !== undefined || audience !== undefined)) {
    throw usageError('--as and --audience are for a token that is minted here; leave out the token, or them');
  }
  return given;
}

async function readToken(path: string, readInput: Terminal['readInput']): Promise<string> {
  if (path === '-') {
    const piped = await readInput();
    if (piped === undefined) throw usageError('--token-file - reads the token from stdin: pipe it in');
    return piped;
  }
  try {
    return readForeignFileSync(path, { maxBytes: MAX_TOKEN_BYTES }).toString('utf8');
  } catch (error) {
    const advice = '"--token-file -" reads what is piped in';
    throw new CommandFailed(`the token file ${onOneLine(path)} cannot be read: ${whyUnreadable(error)} (${advice})`, {
      cause: error,
    });
  }
}

/** Each for 16 of the names. @throws CommandFailed */
export async function mintTokens(
  { as: sub = DEFAULT_SUBJECT, audience, serverName }: AuthorityOptions,
  state: StateFolder,
  clock: Clock,
): Promise<string[]> {
  const names = audience ?? namesFor(serverName, knownServerNames(state));
  const chunks = Array.from({ length: Math.ceil(names.length / MAX_AUDIENCES) }, (_, chunk) =>
    names.slice(chunk * MAX_AUDIENCES, (chunk + 1) * MAX_AUDIENCES),
  );
  // Also where there is nobody to ask: a key that cannot be used is said.
  const mint = await openMint(state, clock);
  return Promise.all(chunks.map((aud) => mint({ sub, capabilities: ['registry:lookup'], aud })));
}

export interface MintedRights {
  readonly sub: string;
  /** At most 16. */
  readonly aud: readonly string[];
  readonly capabilities: readonly string[];
}

/** With the key in the state folder, by default for two minutes. @throws CommandFailed */
export async function mintFor(
  rights: MintedRights,
  state: StateFolder,
  clock: Clock,
  ttlSeconds = TTL_SECONDS,
): Promise<string> {
  const mint = await openMint(state, clock, ttlSeconds);
  return mint(rights);
}

async function openMint(
  state: StateFolder,
  clock: Clock,
  ttlSeconds = TTL_SECONDS,
): Promise<(rights: MintedRights) => Promise<string>> {
  if (!existsSync(state.signingKey)) {
    throw new CommandFailed(
      'there is no token: pass one with --token-file FILE ("-" is stdin) or MCP2_TOKEN. Only where "mcp2 up" has run is one minted here',
    );
  }
  const { key, issuer } = await readSigner(state);
  return (rights) => mintToken(key, { iss: issuer, ...rights, ttlSeconds }, { clock });
}
