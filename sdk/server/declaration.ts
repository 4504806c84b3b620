/**
 * What a server offers, before it is served: contexts and tools, in the one form that `createServer()` and the context-tool
 * runtime both hand to the core. Arguments were checked and have their defaults when a function here is called.
 */
import type { Logger } from '#lib/logger.ts';

/** JSON Schema, draft 2020-12 or draft-07. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export type JsonObject = Readonly<Record<string, unknown>>;

export interface CachePolicy {
  /** How long an answer may be used again, in milliseconds. */
  readonly ttlMs: number;
  /** Public: for everybody who is authorized to ask. Private: for callers with the same authority. */
  readonly scope: 'Private' | 'Public';
}

/** What a handler knows of the call that it answers. */
export interface Call {
  readonly caller: Caller;
  /** Fires when the client leaves, the deadline passes or the server ends the call. */
  readonly signal: AbortSignal;
  /** When the answer must be out, in Unix milliseconds. */
  readonly deadlineMs: number;
  readonly log: Logger;
  /** Names this run in logs and audit records. */
  readonly invocationId: string;
  /** As the caller chose it; undefined for a context and for a call without one. */
  readonly idempotencyKey: string | undefined;
  /** Adds a sentence for people to the answer. */
  warn(warning: string): void;
}

export interface Caller {
  readonly iss: string;
  readonly sub: string;
}

/** One call of a tool, as whoever keeps the answers of calls with an idempotency key must tell it from others. */
export interface KeyedCall {
  /** Hash of who calls, server, tool and key: the same for a call that comes again. */
  readonly id: string;
  /** Hash of the canonical arguments, after decoding and defaults. */
  readonly argumentsHash: string;
}

/** A Call that also says how to recognize it; only for tools that keep their answers themselves. */
export interface ToolCall extends Call {
  readonly keyed: KeyedCall | undefined;
}

export interface ContextRead {
  /** As it was asked for: "inventory:prod_12345:stock_count". */
  readonly key: string;
  /** Of the key, by the names in the template: {sku: "prod_12345"}. */
  readonly segments: Readonly<Record<string, string>>;
  readonly parameters: JsonObject;
}

export interface ContextAnswer {
  readonly content: Buffer;
  /** Media type; "" is not stated. */
  readonly contentType: string;
  /** "name:value" lines. */
  readonly metadata?: readonly string[];
}

export interface ContextDeclaration {
  /** Segments joined by ":"; one in braces stands for any: "inventory:{sku}:stock_count". The first is literal. */
  readonly key: string;
  readonly description?: string | undefined;
  /** Absent: no parameter is accepted. */
  readonly parameters?: JsonSchema | undefined;
  /** For the card. */
  readonly contentType?: string | undefined;
  /** Absent: every call is answered anew. */
  readonly cache?: CachePolicy | undefined;
  /**
   * One that gives the same object again gives the same answer: it is encoded once.
   *
   * @throws ServiceError, or rejects with one
   */
  readonly read: (request: ContextRead, call: Call) => ContextAnswer | Promise<ContextAnswer>;
}

export interface ToolAnnotations {
  /** It changes nothing. */
  readonly readOnly?: boolean | undefined;
  /** A second run with the same arguments changes nothing more. */
  readonly idempotent?: boolean | undefined;
  readonly destructive?: boolean | undefined;
  readonly title?: string | undefined;
}

export type ToolAnswer =
  | {
      readonly success: true;
      readonly outputs: Readonly<Record<string, Buffer>>;
      /** The result where it is no object: an array, a text, a number, null. */
      readonly structured?: Buffer | undefined;
      readonly content?: readonly ContentPiece[] | undefined;
    }
  /** It ran and failed: an answer, not an error. */
  | { readonly success: false; readonly errorCode: string; readonly message: string };

/** What a tool shows; a file that is no image and no text is a blob. */
export type ContentPiece =
  | { readonly text: string }
  | { readonly image: Buffer; readonly mimeType: string }
  | { readonly blob: Buffer; readonly mimeType: string; readonly uri?: string | undefined };

export interface ToolDeclaration {
  readonly name: string;
  readonly description?: string | undefined;
  /** Absent: an object with any members. */
  readonly input?: JsonSchema | undefined;
  readonly output?: JsonSchema | undefined;
  readonly annotations?: ToolAnnotations | undefined;
  /**
   * Who keeps the answers of calls with a key. "instance": this process, for 10 minutes. "shared": the tool itself, in
   * its database, so that it holds over replicas and restarts.
   */
  readonly idempotency: 'instance' | 'shared';
  /** @throws ServiceError, or rejects with one */
  readonly run: (args: JsonObject, call: ToolCall) => ToolAnswer | Promise<ToolAnswer>;
}
