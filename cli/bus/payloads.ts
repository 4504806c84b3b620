/** What `mcp2 publish` publishes: a text, files, stdin, or the lines of stdin. */
import { ForeignFileError, readForeignFile } from '#lib/foreign-file.ts';
import { onOneLine } from '#lib/printable.ts';
import { CommandFailed, usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { type InputLimit, readBytes, readLines, whyUnreadable } from '../text/input.ts';

export interface PayloadOptions {
  readonly file?: readonly string[];
  readonly lines?: boolean;
}

export interface Payload {
  readonly bytes: Buffer;
  /** Where it is from, for the sentence about one that was refused: "line 7"; undefined for the only one. */
  readonly place: string | undefined;
  /** What tells it from the others of this command: the number of its line, or of its file. */
  readonly key: string;
}

/** The most that the bus takes. */
const LIMIT: InputLimit = { maxBytes: 256 * 1024, called: '256 KiB, which is the most that an event holds' };

/** One or more, in the order in which they were named; lines as they come. Their source was checked. @throws CommandFailed */
export async function* readPayloads(
  argument: string | undefined,
  { file: files = [], lines = false }: PayloadOptions,
  { input }: Pick<Terminal, 'input'>,
): AsyncGenerator<Payload> {
  if (lines) {
    for await (const { number, bytes } of readLines(input() ?? nothing(), LIMIT)) {
      if (bytes.length > 0) yield { bytes, place: `line ${number}`, key: String(number) };
    }
  } else if (files.length > 0) {
    for (const [index, file] of files.entries()) {
      const place = files.length === 1 ? undefined : onOneLine(file);
      yield { bytes: await readFile(file), place, key: String(index + 1) };
    }
  } else {
    const bytes = argument === '-' ? await readBytes(input() ?? nothing(), LIMIT) : textBytes(argument ?? '');
    yield { bytes, place: undefined, key: '1' };
  }
}

/** @throws CommandFailed */
export function requireOneSource(
  argument: string | undefined,
  { file: files = [], lines = false }: PayloadOptions,
  { input }: Pick<Terminal, 'input'>,
): void {
  const sources = [argument !== undefined && !(lines && argument === '-'), files.length > 0, lines];
  const named = sources.filter(Boolean).length;
  if (named > 1) throw usageError('a payload comes from one place: name a text, "-", --file or --lines, not several');
  if (named === 0)
    throw usageError('there is no payload: name a text (\'\' for none), "-" for stdin, --file FILE or --lines');
  const asked = lines ? '--lines' : argument === '-' ? '-' : undefined;
  if (asked !== undefined && input() === undefined) throw usageError(`${asked} reads events from stdin: pipe them in`);
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length <= LIMIT.maxBytes) return bytes;
  throw new CommandFailed(`the payload is larger than ${LIMIT.called}`);
}

async function readFile(file: string): Promise<Buffer> {
  try {
    return await readForeignFile(file, { maxBytes: LIMIT.maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof ForeignFileError && error.fault === 'TOO_LARGE';
    const why = isTooLarge ? `it is larger than ${LIMIT.called}` : whyUnreadable(error);
    throw new CommandFailed(`${onOneLine(file)} cannot be read: ${why}`, { cause: error });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
