/** What is piped into a command, with an end. */
import { onOneLine } from '#lib/printable.ts';
import { CommandFailed } from '../failure.ts';

/** Tokens and YAML files are far smaller. */
export const MAX_INPUT_BYTES = 4 * 1024 * 1024;

/** Why a file could not be read, in words: the system's own sentence repeats the path and names a call of C. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  if (code === 'EISDIR') return 'it is a folder';
  return onOneLine(message);
}

/** @throws CommandFailed for more than 4 MiB */
export async function readText(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > MAX_INPUT_BYTES) throw new CommandFailed('the input is larger than 4 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
