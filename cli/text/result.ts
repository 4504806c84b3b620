/**
 * What a context or a tool gave back, on a terminal, in a pipe or in a file. Bytes go out as they are only where nobody's
 * terminal is in the way.
 */
import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { decodeText } from '#lib/capability/parameter-value.ts';
import { toJsonText } from '#lib/json-schema/json-text.ts';
import { harmless, onOneLine } from '#lib/printable.ts';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { whyUnreadable } from './input.ts';
import { OUTPUTS, type Output, printAs } from './output.ts';
import { formatTable } from './table.ts';

export interface ResultOptions {
  readonly output: Output | 'raw';
  readonly out?: string;
}

export interface Result {
  readonly value: unknown;
  /** For programs. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What `--output raw` and `--out` write. */
  readonly bytes: () => Buffer;
}

export function addResultOptions(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'how to print').choices([...OUTPUTS, 'raw']).default('table'))
    .option('--out <file>', 'write the bytes to this file instead');
}

/** @throws CommandFailed */
export function showResult(result: Result, { output, out }: ResultOptions, terminal: Terminal): void {
  if (out !== undefined) writeOut(result.bytes(), out, terminal);
  else if (output === 'raw') printRaw(result.bytes(), terminal);
  else printAs(terminal, output, toPlain(result.facts), () => printValue(result.value, terminal));
}

/** Bytes as base64; what JSON does not know does not come from the wire. */
export function toPlain(value: unknown): unknown {
  return JSON.parse(toJsonText(value));
}

/** An object is a table of its members, a list of objects one of its rows, anything else itself. */
export function printValue(value: unknown, { print }: Pick<Terminal, 'print'>): void {
  if (isRows(value)) {
    const titles = [...new Set(value.flatMap((row) => Object.keys(row)))];
    const rows = value.map((row) => titles.map((title) => show(row[title])));
    for (const line of formatTable(
      titles.map((title) => title.toUpperCase()),
      rows,
    ))
      print(line);
  } else if (isObject(value)) {
    const rows = Object.entries(value).map(([name, member]) => [name, show(member)]);
    if (rows.length > 0) for (const line of formatTable(['NAME', 'VALUE'], rows)) print(line);
  } else {
    print(typeof value === 'string' ? harmless(value) : show(value));
  }
}

function printRaw(bytes: Buffer, { write, print, isTerminal }: Terminal): void {
  if (!isTerminal) {
    write(bytes);
    return;
  }
  const text = decodeText(bytes);
  if (text === undefined) {
    throw new CommandFailed(`the answer is ${bytes.length} bytes that are no text: --out FILE keeps them`);
  }
  print(text);
}

function writeOut(bytes: Buffer, file: string, { note }: Terminal): void {
  try {
    writeFileSync(file, bytes);
  } catch (error) {
    throw new CommandFailed(`${onOneLine(file)} cannot be written: ${whyUnreadable(error)}`, { cause: error });
  }
  note(`${bytes.length} bytes in ${onOneLine(file)}`);
}

function show(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return `(${value.length} bytes, no text)`;
  return toJsonText(value);
}

function isRows(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
