/**
 * What a child process and its parent say to each other. Types alone: the child may read no file of the product but those
 * in `child/`.
 */
import type { ToolAnswer } from '#sdk/server/declaration.ts';

/** What a module knows of the call that it answers, besides `signal`, `log` and `warn`. */
export interface CallFacts {
  readonly caller: { readonly iss: string; readonly sub: string };
  readonly deadlineMs: number;
  readonly invocationId: string;
  readonly idempotencyKey: string | undefined;
}

export type ToChild =
  /** Once, after `ready`. `url` is the module's; `given` is what another process of it loaded. */
  | { readonly kind: 'load'; readonly url: string; readonly given: KeptModule | undefined }
  | {
      readonly kind: 'call';
      /** One at a time, so that it only tells a late word about an earlier call from this one. */
      readonly id: number;
      readonly export: string;
      readonly args: unknown;
      readonly call: CallFacts;
    }
  /** Nobody waits for this call any more. */
  | { readonly kind: 'abort'; readonly id: number };

export type FromChild =
  /** The runner stands and the module is not loaded yet: what it takes now is not the module's. */
  | { readonly kind: 'ready' }
  /** @property exports Names of those that are functions. @property kept Undefined when it is too large. */
  | ({ readonly kind: 'loaded'; readonly exports: readonly string[]; readonly kept: KeptModule | undefined } & Followed)
  | ({ readonly kind: 'unloadable'; readonly error: SentError } & Followed)
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly answer: ToolAnswer;
      readonly warnings: readonly string[];
      /** Log lines that the child dropped since it last said so. */
      readonly dropped: number;
    }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure; readonly dropped: number }
  /** It ends itself: an error that nobody caught, or a rejection that nobody handled. */
  | { readonly kind: 'dying'; readonly cause: 'crash' | 'rejection' | 'memory'; readonly error: SentError }
  | ({ readonly kind: 'log' } & SentLine);

interface Followed {
  /** URLs of what was read from the disk, in the order of loading. */
  readonly files: readonly string[];
}

/** The files of a module, as they were. */
export interface KeptModule {
  readonly files: readonly KeptFile[];
  /** Who asks for what, as JSON text, and the URL that it stands for. */
  readonly links: readonly (readonly [asked: string, url: string])[];
}

export interface KeptFile {
  readonly url: string;
  /** Node's word for it: "module", "commonjs-typescript", "json" … */
  readonly format: string | null | undefined;
  readonly source: string | Uint8Array;
}

export type Failure =
  | { readonly cause: 'rejection' | 'memory' | 'result'; readonly error: SentError }
  /** The answer is larger than it may be. */
  | { readonly cause: 'limit'; readonly bytes: number };

/** An error of the module, each part cut to a bound. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  /** `util.inspect` of it: stack, members and causes. */
  readonly stack: string;
  /** "ERR_ACCESS_DENIED". */
  readonly code?: string | undefined;
  /** The file that it may not read. */
  readonly resource?: string | undefined;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface SentLine {
  /** Of the call that runs; undefined between calls. */
  readonly id: number | undefined;
  readonly level: LogLevel;
  /** At most 4 KiB with the fields. */
  readonly text: string;
  /** JSON text of an object. */
  readonly fields: string | undefined;
  readonly dropped: number;
}
