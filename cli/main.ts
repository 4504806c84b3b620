/** The process of the `mcp2` command: the one place in cli that meets `process`. `mcp2.mjs` starts it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import { systemClock } from '#lib/clock.ts';
import { harmless } from '#lib/printable.ts';
import { runCommandLine } from './program.ts';
import type { Terminal } from './terminal.ts';
import { readText } from './text/input.ts';

const packageFolder = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };

const terminal: Terminal = {
  env: process.env,
  homeFolder: homedir(),
  workingFolder: process.cwd(),
  version,
  packageFolder,
  // What is piped goes on as it is: programs want the data, not the sight of it.
  print: (line) => process.stdout.write(`${process.stdout.isTTY ? harmless(line) : line}\n`),
  write: (bytes) => process.stdout.write(bytes),
  isTerminal: process.stdout.isTTY,
  note: (line) => process.stderr.write(`${harmless(line)}\n`),
  // Styled words go to both streams, so both must be a terminal; NO_COLOR and the like are looked at by styleText.
  style: (style, words) => (process.stderr.isTTY ? styleText(style, words, { stream: process.stdout }) : words),
  readInput: async () => (process.stdin.isTTY ? undefined : await readText(process.stdin)),
  input: () => (process.stdin.isTTY ? undefined : process.stdin),
  ask: process.stdin.isTTY ? ask : undefined,
  drained,
  clock: systemClock,
  events: process,
  pid: process.pid,
  uid: process.getuid?.(),
  isAlive,
};

// `mcp2 lookup … | head -1`: whoever read our answer has enough of it. Anything else (a full disk) is said at the end: what
// `mcp2 up` serves does not depend on who reads its lines.
const lost: NodeJS.ErrnoException[] = [];
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  lost.push(error);
});
process.stderr.on('error', () => undefined); // There is nowhere left to say so.

/** Not edited by us, so that Ctrl-C stays what it is. */
async function ask(question: string): Promise<string> {
  process.stderr.write(`${question} `);
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
  }
}

async function drained(): Promise<void> {
  // A reader that is gone ends the process, above; a stdout that failed otherwise takes nothing any more.
  if (process.stdout.writableNeedDrain && lost.length === 0) await once(process.stdout, 'drain').catch(() => undefined);
}

/** Signal 0 only asks; a process of another user answers EPERM. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function unwritten({ code, message }: NodeJS.ErrnoException): string {
  const why = code === 'ENOSPC' ? 'there is no space left where it goes' : message;
  return `the answer could not be written to stdout: ${why}`;
}

const exitCode = await runCommandLine(process.argv.slice(2), terminal);
// What a slow reader has not taken yet would be lost with the process.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((written) => stream.write('', written))),
);
const [failure] = lost;
if (failure !== undefined) {
  await new Promise((written) => process.stderr.write(`error: ${unwritten(failure)}\n`, written));
}
process.exit(failure === undefined ? exitCode : exitCode || 1);
