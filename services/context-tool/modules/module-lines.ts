/**
 * Log lines of a module in the log of the server: what its children sent, and what they wrote past that to their standard
 * output. All children of a module share one bound; beyond it lines are counted and dropped, never waited for.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { LineLimit, MAX_LINE_BYTES } from './child/line-limit.ts';
import type { LogLevel, SentLine } from './messages.ts';

export interface ModuleLinesOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Logger;
  /** Told how many were dropped. */
  readonly onDropped: (lines: number) => void;
  /** Default 1 000. */
  readonly linesPerSecond?: number | undefined;
}

export class ModuleLines {
  readonly #options: ModuleLinesOptions;
  readonly #limit: LineLimit;

  constructor(options: ModuleLinesOptions) {
    this.#options = options;
    this.#limit = new LineLimit(options.linesPerSecond);
  }

  /** @param log Of the call that the line belongs to. */
  write({ level, text, fields, dropped }: SentLine, log: Logger = this.#options.log): void {
    this.dropped(dropped);
    if (!this.#limit.take(this.#options.clock.monotonicMs())) return;
    const line = fields === undefined ? { line: text } : { line: text, fields: parsed(fields) };
    log[level](line, 'a tool module wrote a line');
  }

  dropped(lines: number): void {
    if (lines > 0) this.#limit.add(lines);
  }

  /** @param onLine Sees the start of each line, also of one that is dropped. */
  follow(stream: Readable, level: LogLevel, onLine?: (text: string) => void): void {
    const splitter = new LineSplitter((take) => {
      if (onLine !== undefined) onLine(take());
      if (this.#limit.take(this.#options.clock.monotonicMs())) {
        this.#options.log[level]({ line: take() }, 'a tool module wrote a line');
      }
    });
    stream.on('data', (chunk: Buffer) => splitter.push(chunk));
    stream.on('end', () => splitter.end());
    // A pipe that breaks has nothing more to say.
    stream.on('error', () => undefined);
  }

  /** Says what was dropped since the last time; called now and then. */
  report(): void {
    const dropped = this.#limit.takeDropped();
    if (dropped === 0) return;
    this.#options.onDropped(dropped);
    this.#options.log.warn({ dropped }, 'log lines of a tool module were dropped: there were too many');
  }
}

/** Bytes to lines, of which only the first 4 KiB are kept. */
export class LineSplitter {
  readonly #onLine: (take: () => string) => void;
  readonly #kept = Buffer.allocUnsafe(MAX_LINE_BYTES);
  #length = 0;
  #isCut = false;

  /** @param onLine Gets a function, since most lines of a flood are never made into text. */
  constructor(onLine: (take: () => string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      this.#keep(chunk, start, end === -1 ? chunk.length : end);
      if (end === -1) return;
      this.#finish();
      start = end + 1;
    }
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#length > 0) this.#finish();
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const room = MAX_LINE_BYTES - this.#length;
    this.#isCut ||= end - start > room;
    this.#length += chunk.copy(this.#kept, this.#length, start, Math.min(end, start + room));
  }

  #finish(): void {
    const length = this.#length;
    const isCut = this.#isCut;
    this.#length = 0;
    this.#isCut = false;
    this.#onLine(() => `${this.#kept.toString('utf8', 0, length)}${isCut ? '…' : ''}`);
  }
}

/** The child made it, but it is the module's process. */
function parsed(fields: string): unknown {
  try {
    return JSON.parse(fields);
  } catch {
    return undefined;
  }
}
