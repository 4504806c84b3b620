/**
 * Runs a command to its end and keeps what it printed. For tools that end (go, pip, openssl); a process that the
 * tests keep running belongs to `test/harness/processes.ts`.
 */

import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Written to the command's standard input. */
  readonly input?: string;
  /** Each line of standard error as it comes: what a tool is doing just now. */
  readonly onErrorLine?: (line: string) => void;
  /** Then it is ended with SIGTERM. Default: it takes as long as it takes. */
  readonly timeoutMs?: number;
}

/** How much of a command's output is kept, from its end. */
const KEPT_CHARACTERS = 1_000_000;

/** Standard output, trimmed. @throws Error with the command line and the end of its output when it fails. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const { cwd, env = process.env, timeoutMs: timeout } = options;
    const child = spawn(command, args, { cwd, env: { ...env }, stdio: 'pipe', timeout });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_CHARACTERS);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-KEPT_CHARACTERS);
      for (const line of text.split('\n')) if (line.trim() !== '') options.onErrorLine?.(line.trim());
    });
    // A command that ends without reading its input closes the pipe; its exit code tells more than that does.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) =>
      reject(new Error(`${command} could not be started: ${error.message}`, { cause: error })),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output.trim());
      else {
        const tail = (errors.trim() || output.trim()).split('\n').slice(-30).join('\n');
        reject(new Error(`${[command, ...args].join(' ')} ended with ${signal ?? `exit code ${code}`}:\n${tail}`));
      }
    });
  });
}
