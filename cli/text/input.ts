/** What is piped into a command, with an end. */
import { CommandFailed } from '../failure.ts';

/** Tokens and YAML files are far smaller. */
export const MAX_INPUT_BYTES = 4 * 1024 * 1024;

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
