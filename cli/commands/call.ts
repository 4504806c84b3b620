/** `mcp2 call TOOL`: runs a tool, on whichever server offers it. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { isToolName, quote } from '#lib/capability/name.ts';
import { compilePattern } from '#lib/capability/pattern.ts';
import { parseJsonText } from '#lib/json-schema/json-text.ts';
import { onOneLine } from '#lib/printable.ts';
import { StrictJsonError } from '#lib/strict-json.ts';
import { ToolFailure, type ToolResult } from '#sdk/client/index.ts';
import { AUTHORITY_HELP, addCallOptions, type CallOptions } from '../calls/options.ts';
import { withServer } from '../calls/server-access.ts';
import { CommandFailed, usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { collectPairs } from '../text/arguments.ts';
import { whyUnreadable } from '../text/input.ts';
import { printAs } from '../text/output.ts';
import { addResultOptions, type ResultOptions, showResult } from '../text/result.ts';

interface CallCommandOptions extends CallOptions, ResultOptions {
  readonly arg?: Readonly<Record<string, string>>;
  readonly argFile?: Readonly<Record<string, string>>;
  readonly json?: string;
  readonly idempotencyKey?: string;
  readonly field?: string;
}

type Arguments = Readonly<Record<string, unknown>>;

const EXAMPLES = `
Examples:
  mcp2 call compute_pricing --arg sku=prod_12345 --arg stock_count=42
  mcp2 call compute_pricing --json '{"sku": "prod_12345", "stock_count": 42}' -o json
  mcp2 call reserve_stock --arg sku=prod_12345 --arg warehouse=NY --arg quantity=2 --idempotency-key order-7
  mcp2 call enhance_image --arg-file image=in.jpg --field enhanced_image --out out.jpg

An argument is read as the tool's schema says: 42 is a number where a number is wanted, and a text where a text is. "mcp2
describe SERVER" shows the arguments. A second call with the same key gets the answer of the first and runs nothing.
${AUTHORITY_HELP}`;

export function callCommand(terminal: Terminal): Command {
  const command = new Command('call')
    .summary('run a tool')
    .description('Run a tool by its name, on a server that offers it.')
    .argument('<tool>', 'for example compute_pricing')
    .option('--arg <name=value>', 'an argument; repeat for several', collectPairs)
    .option('--arg-file <name=file>', 'an argument that is the bytes of a file; repeat for several', collectPairs)
    .option(
      '--json <arguments>',
      'all arguments as one JSON object: a text that begins with "{", a file, or "-" for stdin',
    )
    .option('--idempotency-key <key>', 'run it once for this key, however often it is called')
    .option('--server <name>', 'only on this server')
    .option('--field <name>', 'the output that --output raw and --out write, where there are several');
  return addResultOptions(addCallOptions(command))
    .addHelpText('after', EXAMPLES)
    .action((tool: string, options: CallCommandOptions) => callTool(tool, options, terminal));
}

async function callTool(tool: string, options: CallCommandOptions, terminal: Terminal): Promise<void> {
  if (!isToolName(tool)) throw usageError(`${quote(tool)} is no name of a tool: 1 to 128 of A-Z a-z 0-9 _ . -`);
  const args = await readArguments(options, terminal);
  const right = compilePattern(`tool:${tool}`) === undefined ? 'tool:*' : `tool:${tool}`;
  const wanted = { what: `the tool ${tool}`, filters: [right], right };
  const { timeout: deadlineMs, idempotencyKey } = options;
  try {
    const result = await withServer(wanted, options, terminal, ({ client, server, endpoints }) =>
      client.tool(tool, args, { server, deadlineMs, idempotencyKey, ...(endpoints && { endpoints }) }),
    );
    show(result, options, terminal);
  } catch (error) {
    throw error instanceof ToolFailure ? failed(error, options, terminal) : error;
  }
}

function show(result: ToolResult, options: CallCommandOptions, terminal: Terminal): void {
  const { value, server, warnings, invocationId } = result;
  const content = result.content.map((piece) => piece.text?.content ?? describePiece(piece));
  const facts = { server, success: true, value, warnings, content, invocation_id: invocationId };
  showResult({ value, facts, bytes: () => bytesOf(result, options.field) }, options, terminal);
  for (const warning of warnings) terminal.note(onOneLine(warning));
  if (options.output === 'table') for (const piece of content) terminal.note(onOneLine(piece));
}

/** An answer, but not what was asked for: programs get it whole, and the exit code says so to everybody. */
function failed(error: ToolFailure, { output }: CallCommandOptions, terminal: Terminal): CommandFailed {
  const { tool, server, code, message, warnings, invocationId } = error;
  if (output === 'json' || output === 'yaml') {
    const facts = { server, success: false, error_code: code, warnings, invocation_id: invocationId };
    printAs(terminal, output, facts, () => undefined);
  }
  return new CommandFailed(`${tool} ran on ${server} and failed: ${onOneLine(message)} (${onOneLine(code)})`, {
    cause: error,
  });
}

function describePiece({ image, blob, audio, ref, uri }: ToolResult['content'][number]): string {
  if (image) return `(an image, ${image.jpeg_data.length} bytes)`;
  if (audio) return `(audio, ${audio.pcm_data.length} bytes)`;
  if (blob) return `(a file, ${blob.mime_type}, ${blob.data.length} bytes${uri === '' ? '' : `, ${uri}`})`;
  return ref ? `(see ${ref.context_key || ref.uri})` : '(empty)';
}

function bytesOf({ outputs, value }: ToolResult, field: string | undefined): Buffer {
  const names = Object.keys(outputs);
  if (field !== undefined) {
    const bytes = Object.hasOwn(outputs, field) ? outputs[field] : undefined;
    if (bytes !== undefined) return bytes;
    throw usageError(`there is no output ${quote(field)}; there are ${names.map(quote).join(', ') || 'none'}`);
  }
  const [only] = names;
  if (only === undefined) return Buffer.from(JSON.stringify(value));
  if (names.length === 1) return outputs[only] ?? Buffer.alloc(0);
  throw usageError(`there are several outputs: name one of ${names.map(onOneLine).join(', ')} with --field`);
}

async function readArguments(options: CallCommandOptions, { readInput }: Terminal): Promise<Arguments> {
  const { arg = {}, argFile = {}, json } = options;
  const files = Object.entries(argFile).map(([name, file]) => [name, readBytes(file)] as const);
  const named = { ...arg, ...Object.fromEntries(files) };
  if (json === undefined) return named;
  if (Object.keys(named).length > 0) throw usageError('use --json, or --arg and --arg-file, not both');
  if (json.trimStart().startsWith('{')) return parseArguments(json, '--json');
  if (json !== '-') return parseArguments(readBytes(json).toString('utf8'), onOneLine(json));
  const piped = await readInput();
  if (piped === undefined) throw usageError('--json - reads the arguments from stdin: pipe them in');
  return parseArguments(piped, 'stdin');
}

function parseArguments(text: string, source: string): Arguments {
  let value: unknown;
  try {
    value = parseJsonText(text);
  } catch (error) {
    throw error instanceof StrictJsonError ? usageError(`the text of ${source} ${error.message}`) : error;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Arguments;
  throw usageError(`${source} must be one JSON object, with the arguments by their names`);
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;

function readBytes(file: string): Buffer {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= MAX_FILE_BYTES) return bytes;
  } catch (error) {
    throw new CommandFailed(`${onOneLine(file)} cannot be read: ${whyUnreadable(error)}`, { cause: error });
  }
  throw new CommandFailed(`${onOneLine(file)} is larger than 4 MiB, which is the most that a call takes`);
}
