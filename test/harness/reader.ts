/**
 * Somebody who follows a page of documentation in a checkout: saves the files that it shows, types its commands and compares
 * what they print. Works in a folder of its own that looks like the checkout, with a home folder of its own.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { runCommand } from '../cluster/run-command.ts';
import { type Example, filesOf, wordsOf } from './page.ts';
import { createWorkspace, ManagedProcess, type Workspace } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Of a checkout, as far as pages name it. */
const CHECKOUT = ['package.json', 'node_modules', 'cli', 'services', 'sdk', 'protos', 'examples', 'docs'];
/** Commands that go on until somebody ends them, with what they print once they serve. */
const ENDLESS = [
  { command: 'mcp2 up', ready: /Ctrl-C ends/ },
  { command: 'services/context-tool/main.ts', ready: /the context-tool serves/ },
];
/** Pages name ports from 50050 on; here another test may hold them. */
const FREE_PORTS: readonly (readonly [RegExp, string])[] = [
  [/mcp2 up/, 'mcp2 up --port 0'],
  [/MCP2_LISTEN=127\.0\.0\.1:\d+/, 'MCP2_LISTEN=127.0.0.1:0'],
];

export class Reader implements AsyncDisposable {
  readonly #workspace: Workspace;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #started: ManagedProcess[] = [];

  constructor(name: string, env: Readonly<Record<string, string>> = {}) {
    this.#workspace = createWorkspace(name);
    const home = join(this.folder, 'home');
    this.#env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), ...env };
    for (const entry of CHECKOUT) symlinkSync(join(ROOT, entry), join(this.folder, entry));
  }

  get folder(): string {
    return this.#workspace.folder;
  }

  /** Those that lie in the checkout already are left alone. */
  save(page: string): void {
    for (const [file, text] of filesOf(page)) {
      const path = join(this.folder, file);
      if (CHECKOUT.includes(file.split('/')[0] ?? '')) continue;
      mkdirSync(dirname(path), { recursive: true });
      const isServer = file.endsWith('.yaml') && text.includes('\nserver:');
      writeFileSync(path, isServer ? `${text}listen: 127.0.0.1:0\n` : text);
    }
  }

  /** A command without an output that is shown must end well; one with it must print just that. */
  async follow({ command, shown }: Example): Promise<void> {
    const typed = FREE_PORTS.reduce((line, [from, to]) => line.replace(from, to), command);
    const endless = ENDLESS.find((one) => command.includes(one.command));
    if (endless !== undefined) return this.#start(typed, endless.ready);
    const line = shown === undefined ? typed : `{ ${typed}; } 2>&1 || true`;
    const output = await runCommand('sh', ['-c', line], { env: this.#env, cwd: this.folder });
    if (shown !== undefined) expect(wordsOf(output), command).toBe(wordsOf(shown));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#started.toReversed()) await server.stop();
  }

  async #start(line: string, serving: RegExp): Promise<void> {
    const server = new ManagedProcess(
      {
        ...{ name: `started-${this.#started.length}`, command: 'sh', args: ['-c', line] },
        ...{ cwd: this.folder, env: this.#env },
        ready: async () => serving.test(readFileSync(server.logFile, 'utf8')),
      },
      this.#workspace,
    );
    this.#started.push(server);
    await server.start();
  }
}
