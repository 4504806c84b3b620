/**
 * The development key of standalone mode: made once at the first `mcp2 up`, then only read.
 *
 * The same three files that a cluster's Secret and ConfigMap hold (`key.jwk`, `jwks.json`, `issuer`).
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import { CommandFailed } from '../failure.ts';
import { unusableState } from './folder.ts';

export const STANDALONE_ISSUER = 'mcp2:local';

export interface Signer {
  readonly key: SigningKey;
  readonly issuer: string;
}

/** Only for whoever holds the folder's lock. @returns true when a key was made now. @throws CommandFailed */
export async function ensureSigningKey(state: StateFolder): Promise<boolean> {
  try {
    if (existsSync(state.signingKey) && existsSync(state.jwks)) return false;
    if (existsSync(state.signingKey)) {
      throw new CommandFailed(`${state.jwks} is missing beside the key: restore it, or delete ${state.signingKey} too`);
    }
    const { privateJwk, publicJwks } = await generateSigningKey();
    replace(state.issuer, `${STANDALONE_ISSUER}\n`);
    replace(state.jwks, `${JSON.stringify(publicJwks, null, 2)}\n`);
    // Last: a start that was interrupted before makes all three anew.
    replace(state.signingKey, `${JSON.stringify(privateJwk)}\n`);
    return true;
  } catch (error) {
    throw error instanceof CommandFailed ? error : unusableState(state.path, error);
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
    return await importSigningKey(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw new CommandFailed(
        `there is no signing key at ${path}: start "mcp2 up" once, or name a key with --key FILE`,
      );
    }
    // A JSON error quotes the text it stumbled over, which here is a secret.
    const why = error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message;
    throw new CommandFailed(`the signing key ${path} cannot be used: ${why}`);
  }
}

export function readIssuer({ issuer }: Pick<StateFolder, 'issuer'>): string {
  try {
    return readFileSync(issuer, 'utf8').trim() || STANDALONE_ISSUER;
  } catch {
    return STANDALONE_ISSUER;
  }
}

function replace(path: string, text: string): void {
  const next = `${path}.${randomUUID()}`;
  writeFileSync(next, text, { mode: 0o600, flag: 'wx' });
  renameSync(next, path);
}
