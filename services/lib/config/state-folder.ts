/**
 * The state folder of standalone mode: `mcp2 up` keeps everything in it, and clients find the registry's address there
 * (other commands the signing key as well), so that nothing has to be configured by hand.
 *
 * Mode 0700, because whoever reads the key in it can mint any token of this control plane.
 */
import { type Stats, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { shellWord } from '../shell-word.ts';
import type { Environment } from './env-reader.ts';

export interface StateFolder {
  readonly path: string;
  /** The embedded store's own folder. */
  readonly store: string;
  /** The embedded event log's own folder. */
  readonly events: string;
  /** Private JWK with kid and alg; secret. */
  readonly signingKey: string;
  /** Public keys, for verifiers. */
  readonly jwks: string;
  /** The issuer's name. */
  readonly issuer: string;
  /** What the operator remembers of each resource that is a file. */
  readonly servers: string;
  /** Where a running `mcp2 up` listens. */
  readonly connection: string;
  /** Logs of the services, newest run. */
  readonly log: string;
}

/** Whose state folder is looked for. */
export interface StateOwner {
  readonly env: Environment;
  readonly homeFolder: string;
  /** Undefined where the system has no users. */
  readonly uid?: number | undefined;
}

/** The folder is there, and must not be used; the message says why and what to do. */
export class UnsafeStateFolder extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnsafeStateFolder';
  }
}

/**
 * @param named `--state`; otherwise MCP2_STATE, then `$XDG_STATE_HOME/mcp2`, then `~/.local/state/mcp2`.
 * @throws UnsafeStateFolder when it is there and others could have put something into it.
 */
export function locateStateFolder(named: string | undefined, { env, homeFolder, uid }: StateOwner): StateFolder {
  const path = resolve(named ?? nonEmpty(env.MCP2_STATE) ?? join(stateHome(env.XDG_STATE_HOME, homeFolder), 'mcp2'));
  requireOwnFolder(path, uid);
  return {
    path,
    store: join(path, 'store'),
    events: join(path, 'events'),
    signingKey: join(path, 'key.jwk'),
    jwks: join(path, 'jwks.json'),
    issuer: join(path, 'issuer'),
    servers: join(path, 'servers.json'),
    connection: join(path, 'connection.json'),
    log: join(path, 'mcp2.log'),
  };
}

/**
 * Whoever can write into the folder can put a key of his own into it, a registry's address that tokens are then sent to,
 * or a link that leads elsewhere. Where the system has no users (`uid` undefined) nothing is asked.
 */
function requireOwnFolder(path: string, uid: number | undefined): void {
  const stats = uid === undefined ? undefined : statsOf(path);
  if (!stats?.isDirectory()) return;
  if (stats.uid !== uid) {
    const advice = 'name one of your own with --state DIR, for example a new folder inside it';
    throw new UnsafeStateFolder(`the state folder ${path} belongs to another user: ${advice}`);
  }
  if ((stats.mode & 0o022) === 0) return;
  const advice = `look at what is in it and run "chmod go-w ${shellWord(path)}", or name another one with --state DIR`;
  throw new UnsafeStateFolder(`others can write into the state folder ${path}: ${advice}`);
}

/** Undefined when there is nothing, or nothing that we may look at: whoever uses it says so. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** XDG Base Directory Specification: a relative path in these variables is to be ignored. */
function stateHome(value: string | undefined, homeFolder: string): string {
  const named = nonEmpty(value);
  return named !== undefined && isAbsolute(named) ? named : join(homeFolder, '.local', 'state');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}
