/** How long the event loop of a program under test stands still: measured inside of it, read from outside. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from './eventually.ts';

export interface Pauses {
  readonly longestMs: number;
  readonly p99Ms: number;
}

export class EventLoopProbe {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  static async create(): Promise<EventLoopProbe> {
    return new EventLoopProbe(join(await mkdtemp(join(tmpdir(), 'mcp2-loop-')), 'pauses.json'));
  }

  /** Arguments of Node. */
  get nodeArgs(): readonly string[] {
    const preload = pathToFileURL(join(import.meta.dirname, 'event-loop-probe.mjs'));
    preload.searchParams.set('out', this.#file);
    return ['--import', preload.href];
  }

  /** Forgets what was before, the start of the program for example. */
  async reset(): Promise<void> {
    writeFileSync(`${this.#file}.reset`, '');
    await eventually(
      async () => existsSync(`${this.#file}.reset`),
      (isWaiting) => !isWaiting,
    );
    rmSync(this.#file, { force: true });
  }

  /** Since the start or the last reset. */
  async read(): Promise<Pauses> {
    await eventually(
      async () => existsSync(this.#file),
      (isThere) => isThere,
    );
    return JSON.parse(readFileSync(this.#file, 'utf8')) as Pauses;
  }
}
