/**
 * Secrets of a configuration: kept in files or in environment variables, never in the configuration itself.
 *
 * A message names the place of a secret and nothing of its content, not even its length.
 */
import { isUtf8 } from 'node:buffer';
import type { Environment } from '#lib/config/env-reader.ts';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { quoted } from '#lib/printable.ts';
import { UserError } from '#lib/user-error.ts';
import type { SecretReference } from './runtime-config.ts';

/** Tokens, URLs and keys are smaller. */
export const MAX_SECRET_BYTES = 64 * 1024;

/** The secret cannot be read; the message says where it should be. */
export class SecretMissing extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SecretMissing';
  }
}

export interface Secrets {
  /** Read anew each time: whoever opens a connection gets what holds now. @throws SecretMissing */
  read(reference: SecretReference): string;
  /** Why it cannot be read; undefined when it can. */
  problemOf(reference: SecretReference): string | undefined;
}

/** @param env Of the process, as `main.ts` got it. */
export function createSecrets(env: Environment): Secrets {
  const read = (reference: SecretReference) =>
    'fromFile' in reference ? readSecretFile(reference.fromFile) : readVariable(env, reference.fromEnv);
  return {
    read,
    problemOf(reference) {
      try {
        read(reference);
        return undefined;
      } catch (error) {
        if (error instanceof SecretMissing) return error.message;
        throw error;
      }
    },
  };
}

/** One newline at the end belongs to the editor, not to the secret. */
function readSecretFile(path: string): string {
  let content: Buffer;
  try {
    content = readForeignFileSync(path, { maxBytes: MAX_SECRET_BYTES });
  } catch (error) {
    const why = error instanceof ForeignFileError ? error.message : 'an error of mcp2 itself';
    throw new SecretMissing(`the secret file ${quoted(path)} cannot be read: ${why}`, { cause: error });
  }
  const where = `the secret file ${quoted(path)}`;
  if (!isUtf8(content)) throw new SecretMissing(`${where} holds no text in UTF-8`);
  return usable(content.toString('utf8').replace(/\r?\n$/, ''), where);
}

function readVariable(env: Environment, name: string): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) throw new SecretMissing(`the environment variable ${name} is not set; it holds a secret`);
  const where = `the environment variable ${name}`;
  if (Buffer.byteLength(value) > MAX_SECRET_BYTES) throw new SecretMissing(`${where} is larger than 64 KiB`);
  return usable(value, where);
}

/** No secret has a line break or a NUL inside, and in a header or a URL one would start something else. */
function usable(text: string, where: string): string {
  if (text === '') throw new SecretMissing(`${where} is empty; write the secret into it`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new SecretMissing(`${where} holds a line break or another control character inside the secret; take it out`);
  }
  return text;
}
