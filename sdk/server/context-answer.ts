/**
 * An answer to RequestContext, encoded once and sent many times: whole, or as "your copy is current".
 *
 * How long it may still be used shrinks while it is kept. The rest is told in 16 steps, rounded down, so that a large answer
 * is encoded 16 times in its life at most and nobody keeps one for longer than it holds.
 */
import { createHash } from 'node:crypto';
import { CacheScope } from '#protos/generated/mcp2/CacheScope.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import type { CachePolicy, ContextAnswer } from './declaration.ts';

export type EncodeContext = (response: ContextResponse) => Buffer;

const TTL_STEPS = 16;
const ETAG_CHARS = 22;

export class EncodedContext {
  readonly etag: string;
  readonly contentType: string;
  readonly policy: CachePolicy | undefined;
  readonly #answer: ContextAnswer;
  readonly #encode: EncodeContext;
  #whole: Encoded | undefined;
  #current: Encoded | undefined;

  constructor(answer: ContextAnswer, policy: CachePolicy | undefined, encode: EncodeContext) {
    this.etag = etagOf(answer);
    this.contentType = answer.contentType;
    this.#answer = answer;
    this.policy = policy;
    this.#encode = encode;
  }

  /** What it takes in memory, roughly. */
  get byteLength(): number {
    const { content, metadata = [] } = this.#answer;
    const lines = metadata.reduce((sum, line) => sum + line.length, 0);
    return 2 * content.length + 2 * lines + 512;
  }

  /**
   * @param etag Of the caller's copy; "" for none.
   * @param ageMs Since it was made.
   */
  replyTo(etag: string, ageMs: number): Buffer {
    const ttlMs = this.#remainingMs(ageMs);
    if (etag === this.etag) {
      if (this.#current?.ttlMs !== ttlMs) this.#current = { ttlMs, bytes: this.#make(ttlMs, Buffer.alloc(0)) };
      return this.#current.bytes;
    }
    if (this.#whole?.ttlMs !== ttlMs) this.#whole = { ttlMs, bytes: this.#make(ttlMs, this.#answer.content) };
    return this.#whole.bytes;
  }

  #remainingMs(ageMs: number): number {
    const ttlMs = this.policy?.ttlMs ?? 0;
    const stepMs = Math.max(1, Math.ceil(ttlMs / TTL_STEPS));
    return Math.max(0, Math.floor(ttlMs - Math.ceil(ageMs / stepMs) * stepMs));
  }

  #make(ttlMs: number, content: Buffer): Buffer {
    const isPublic = this.policy?.scope === 'Public';
    return this.#encode({
      serialized_value: content,
      content_type: this.#answer.contentType,
      metadata: [...(this.#answer.metadata ?? [])],
      etag: this.etag,
      cache_ttl_ms: ttlMs,
      cache_scope: isPublic ? CacheScope.CACHE_SCOPE_PUBLIC : CacheScope.CACHE_SCOPE_PRIVATE,
    });
  }
}

interface Encoded {
  readonly ttlMs: number;
  readonly bytes: Buffer;
}

/** The first 22 characters of base64url(SHA-256(content type, newline, bytes)), whatever the source. */
function etagOf({ content, contentType }: ContextAnswer): string {
  return createHash('sha256').update(`${contentType}\n`).update(content).digest('base64url').slice(0, ETAG_CHARS);
}
