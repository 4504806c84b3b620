/**
 * The development key of standalone mode: made once at the first `mcp2 up`, then only read.
 *
 * The same three files that a cluster's Secret and ConfigMap hold (`key.jwk`, `jwks.json`, `issuer`).
 */
import { chmodSync, existsSync, statSync } from 'node:fs';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { hasUnseen, onOneLine } from '#lib/printable.ts';
import { saveFileSync } from '#lib/saved-file.ts';
import { parseKeySet } from '#lib/token/key-set.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import { CommandFailed } from '../failure.ts';
import { unusableState } from './folder.ts';

export const STANDALONE_ISSUER = 'mcp2:local';

const MAX_KEY_BYTES = 64 * 1024;
const MAX_ISSUER_CHARACTERS = 256;

export interface Signer {
  readonly key: SigningKey;
  readonly issuer: string;
}

/** Only for whoever holds the folder's lock. @returns true when a key was made now. @throws CommandFailed */
export async function ensureSigningKey(state: StateFolder): Promise<boolean> {
  try {
    if (existsSync(state.signingKey) && existsSync(state.jwks)) {
      await requireKeySet(state);
      return false;
    }
    if (existsSync(state.signingKey)) {
      throw new CommandFailed(`${state.jwks} is missing beside the key: restore it, or delete ${state.signingKey} too`);
    }
    const { privateJwk, publicJwks } = await generateSigningKey();
    saveFileSync(state.issuer, `${STANDALONE_ISSUER}\n`);
    saveFileSync(state.jwks, `${JSON.stringify(publicJwks, null, 2)}\n`);
    // Last: a start that was interrupted before makes all three anew.
    saveFileSync(state.signingKey, `${JSON.stringify(privateJwk)}\n`);
    return true;
  } catch (error) {
    throw error instanceof CommandFailed ? error : unusableState(state.path, error);
  }
}

/** The services would name the setting that holds its path, which nobody has set here. */
async function requireKeySet({ jwks, signingKey }: StateFolder): Promise<void> {
  try {
    await parseKeySet(readForeignFileSync(jwks, { maxBytes: MAX_KEY_BYTES }).toString('utf8'));
  } catch (error) {
    const advice = `restore it, or delete it and ${signingKey} too: a new key is made at the next start`;
    throw new CommandFailed(`${jwks} is damaged (${(error as Error).message}): ${advice}`, { cause: error });
  }
}

/** Also puts the key file's mode right. @throws CommandFailed that says what to do. */
export async function readSigner(state: StateFolder): Promise<Signer> {
  const issuer = readIssuer(state);
  const key = await readSigningKey(state.signingKey);
  if ((statSync(state.signingKey).mode & 0o077) !== 0) chmodSync(state.signingKey, 0o600);
  return { key, issuer };
}

/** @throws CommandFailed for a file that is absent, unreadable or no private JWK. */
export async function readSigningKey(path: string): Promise<SigningKey> {
  try {
    return await importSigningKey(JSON.parse(readForeignFileSync(path, { maxBytes: MAX_KEY_BYTES }).toString('utf8')));
  } catch (error) {
    if (error instanceof ForeignFileError && error.fault === 'ABSENT') {
      throw new CommandFailed(
        `there is no signing key at ${path}: start "mcp2 up" once, or name a key with --key FILE`,
      );
    }
    // A JSON error quotes the text it stumbled over, which here is a secret.
    const why = error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message;
    throw new CommandFailed(`the signing key ${onOneLine(path)} cannot be used: ${why}`);
  }
}

/** Absent or empty, it is the usual name. @throws CommandFailed for what is no name at all. */
export function readIssuer({ issuer }: Pick<StateFolder, 'issuer'>): string {
  const name = readName(issuer)?.trim() || STANDALONE_ISSUER;
  // A token with a name in it that is cut short or full of unseen characters is refused, and nobody could see why.
  if (name.length <= MAX_ISSUER_CHARACTERS && !hasUnseen(name)) return name;
  throw new CommandFailed(
    `${issuer} is damaged: it must hold the issuer's name on one line; delete it for the usual one`,
  );
}

function readName(path: string): string | undefined {
  try {
    return readForeignFileSync(path, { maxBytes: MAX_KEY_BYTES }).toString('utf8');
  } catch (error) {
    if (error instanceof ForeignFileError && error.fault === 'ABSENT') return undefined;
    throw new CommandFailed(`${path} cannot be read: ${(error as Error).message}; delete it for the usual issuer`);
  }
}
