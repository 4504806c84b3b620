/**
 * Where a module's log lines go: `call.log`, and the console. Both are sent to the parent, which writes them into the log of
 * the server; a line costs nothing more once the second is full.
 */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { LogLevel, SentLine } from '../messages.ts';
import { cut, LineLimit, MAX_LINE_BYTES } from './line-limit.ts';

/** As pino has it: fields first, or a text alone. */
export type LogFunction = (fields: unknown, message?: string) => void;

export interface ModuleLogger {
  readonly debug: LogFunction;
  readonly info: LogFunction;
  readonly warn: LogFunction;
  readonly error: LogFunction;
  readonly fatal: LogFunction;
  readonly child: (fields: object) => ModuleLogger;
}

export class ModuleLog {
  readonly #send: (line: SentLine) => void;
  readonly #limit = new LineLimit();

  constructor(send: (line: SentLine) => void) {
    this.#send = send;
  }

  /** @param id Of the call whose lines they are. */
  logger(id: number, fixed: object = {}): ModuleLogger {
    const at =
      (level: LogLevel): LogFunction =>
      (fields, message) =>
        this.#line(id, level, () => splitLine(fixed, fields, message));
    const error = at('error');
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error,
      fatal: error,
      child: (fields) => this.logger(id, { ...fixed, ...fields }),
    };
  }

  /** In place of the process's own, which writes to pipes. @param current The call that runs. */
  console(current: () => number | undefined): Console {
    const stream = (level: LogLevel) =>
      new Writable({
        decodeStrings: false,
        write: (chunk, _encoding, done) => {
          const text = String(chunk).replace(/\n$/, '');
          for (const line of linesOf(text)) this.#line(current(), level, () => ({ text: line, fields: undefined }));
          done();
        },
      });
    return new Console({ stdout: stream('info'), stderr: stream('warn') });
  }

  takeDropped(): number {
    return this.#limit.takeDropped();
  }

  #line(id: number | undefined, level: LogLevel, make: () => Pick<SentLine, 'text' | 'fields'>): void {
    if (!this.#limit.take(performance.now())) return;
    const { text, fields } = make();
    const room = MAX_LINE_BYTES - Buffer.byteLength(fields ?? '');
    this.#send({ id, level, text: cut(text, Math.max(room, 16)), fields, dropped: this.takeDropped() });
  }
}

function splitLine(fixed: object, fields: unknown, message: string | undefined): Pick<SentLine, 'text' | 'fields'> {
  const hasFields = typeof fields === 'object' && fields !== null;
  const members = hasFields ? { ...fixed, ...asFields(fields) } : fixed;
  const text = hasFields ? String(message ?? '') : String(fields);
  return { text, fields: Object.keys(members).length > 0 ? jsonOf(members) : undefined };
}

/** An Error has no members of its own that JSON would show. */
function asFields(fields: object): object {
  return fields instanceof Error ? { name: fields.name, message: fields.message } : fields;
}

/** Fields beyond the bound of a line are one text, cut. */
function jsonOf(members: object): string {
  let text: string;
  try {
    text = JSON.stringify(members);
  } catch {
    return '{"fields":"no JSON"}';
  }
  if (Buffer.byteLength(text) <= MAX_LINE_BYTES / 2) return text;
  return JSON.stringify({ cut: cut(text, MAX_LINE_BYTES / 4) });
}

/** A generator, since one write may hold a million lines. */
function* linesOf(text: string): Generator<string> {
  let start = 0;
  for (;;) {
    const end = text.indexOf('\n', start);
    if (end === -1) break;
    yield text.slice(start, end);
    start = end + 1;
  }
  yield text.slice(start);
}
