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
  return (await readBytes(input, { maxBytes: MAX_INPUT_BYTES, called: '4 MiB' })).toString('utf8');
}

export interface InputLimit {
  readonly maxBytes: number;
  /** The same for people. */
  readonly called: string;
}

/** @throws CommandFailed for more than that */
export async function readBytes(input: AsyncIterable<Uint8Array>, { maxBytes, called }: InputLimit): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new CommandFailed(`the input is larger than ${called}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its end. */
  readonly bytes: Buffer;
}

/** The lines of an input without an end: what follows the last line feed is one too. @throws CommandFailed for a longer line */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  { maxBytes, called }: InputLimit,
): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 1;
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > maxBytes) throw new CommandFailed(`line ${number} is longer than ${called}`);
    parts.push(part);
  };
  const take = (): Line => {
    const line = { number, bytes: withoutReturn(Buffer.concat(parts)) };
    parts = [];
    bytes = 0;
    number += 1;
    return line;
  };
  for await (const chunk of input) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
      add(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      yield take();
    }
    add(rest);
  }
  if (bytes > 0) yield take();
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
