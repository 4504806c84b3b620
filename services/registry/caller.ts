/**
 * A caller of Lookup: the rights of a verified token, asked in the terms of registrations.
 *
 * What a caller sees of a registration depends on its authority and on that registration, and neither ever changes: a
 * changed record is a new registration. So both the verdict and the encoded endpoint are kept; encoding ten endpoints
 * anew would cost as much as the rest of the call.
 */
import { LRUCache } from 'lru-cache';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type { Endpoint } from '#lib/store/servers.ts';
import { authorizeLookup, couldLookUp } from '#lib/token/authorize.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { EndpointDescriptor } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { describeEndpoint } from './descriptor.ts';
import type { Registration } from './registration.ts';
import { maySee, type Viewer } from './visibility.ts';

const MAX_CALLERS = 4_096;
/** Of all callers together. By size: an endpoint may have 100 bytes or 100,000, as its owner likes. */
const MAX_KEPT_BYTES = 48 * 1024 * 1024;
/** What a verdict, an encoded endpoint or an allowed filter takes besides its own bytes, roughly. */
const ENTRY_BYTES = 256;
/** Filters that a caller was allowed, of each caller. */
const MAX_ALLOWED = 64;
/** How old `expires_at_ms` may be in an answer. */
const MAX_LEASED_AGE_MS = 1_000;

/** One endpoint, as the bytes of a LookupResponse that holds nothing else. */
export type EncodeEndpoint = (descriptor: EndpointDescriptor) => Buffer;

interface Frame {
  readonly bytes: Buffer;
  readonly latencyMs: number | undefined;
  readonly madeAtMs: number;
}

/** What clients observed of the endpoint's server, and the time; the parts of an answer that change by themselves. */
export interface Moment {
  readonly latencyMs: number | undefined;
  readonly nowMs: number;
}

/** The callers seen lately: tokens of one subject with equal rights and audience share what was kept. */
export class Callers {
  readonly #encode: EncodeEndpoint;
  readonly #callers = new LRUCache<string, Caller>({ max: MAX_CALLERS });
  #keptBytes = 0;

  constructor(encode: EncodeEndpoint) {
    this.#encode = encode;
  }

  of(token: VerifiedToken): Caller {
    if (this.#keptBytes > MAX_KEPT_BYTES) {
      this.#callers.clear();
      this.#keptBytes = 0;
    }
    let caller = this.#callers.get(token.standing);
    if (caller === undefined) {
      caller = new Caller(token, this.#encode, (bytes) => {
        this.#keptBytes += bytes + ENTRY_BYTES;
      });
      this.#callers.set(token.standing, caller);
    }
    return caller;
  }
}

export class Caller implements Viewer {
  readonly sub: string;
  readonly aud: readonly string[];
  readonly #token: VerifiedToken;
  readonly #encode: EncodeEndpoint;
  readonly #onKept: (bytes: number) => void;
  readonly #allowed = new Map<string, Pattern>();
  readonly #verdicts = new WeakMap<Registration, boolean>();
  readonly #frames = new WeakMap<Endpoint, Frame>();

  constructor(token: VerifiedToken, encode: EncodeEndpoint, onKept: (bytes: number) => void) {
    this.sub = token.sub;
    this.aud = token.aud;
    this.#token = token;
    this.#encode = encode;
    this.#onKept = onKept;
  }

  /** The filters, compiled, when the caller may look up all of them. @throws as `authorizeLookup` */
  mayLookUp(filters: readonly string[]): readonly Pattern[] {
    const allowed: Pattern[] = [];
    for (const filter of filters) {
      const pattern = this.#allowed.get(filter);
      if (pattern === undefined) return this.#authorize(filters);
      allowed.push(pattern);
    }
    return allowed;
  }

  holds(capability: Pattern | string): boolean {
    const pattern = typeof capability === 'string' ? compilePattern(capability) : capability;
    return pattern !== undefined && (this.#token.capabilities?.covers(pattern) ?? false);
  }

  sees(registration: Registration): boolean {
    let verdict = this.#verdicts.get(registration);
    if (verdict === undefined) {
      verdict = maySee(this, registration.serverName, registration.visibility);
      this.#verdicts.set(registration, verdict);
      this.#onKept(0);
    }
    return verdict;
  }

  /** The endpoint as this caller may see it: its capabilities are cut to what the caller could have looked up. */
  frameOf(registration: Registration, endpoint: Endpoint, { latencyMs, nowMs }: Moment): Buffer {
    const kept = this.#frames.get(endpoint);
    if (kept !== undefined && kept.latencyMs === latencyMs) {
      if (registration.ttlSeconds === 0 || nowMs - kept.madeAtMs < MAX_LEASED_AGE_MS) return kept.bytes;
    }
    const capabilities = registration.capabilities.filter((capability) => couldLookUp(this.#token, capability));
    const texts = capabilities.map(({ text }) => text);
    const bytes = this.#encode(describeEndpoint(registration, endpoint, { capabilities: texts, latencyMs, nowMs }));
    this.#frames.set(endpoint, { bytes, latencyMs, madeAtMs: nowMs });
    if (kept === undefined) this.#onKept(bytes.length);
    return bytes;
  }

  #authorize(filters: readonly string[]): readonly Pattern[] {
    const patterns = authorizeLookup(this.#token, filters);
    if (this.#allowed.size + patterns.length > MAX_ALLOWED) this.#allowed.clear();
    for (const pattern of patterns) {
      this.#allowed.set(pattern.text, pattern);
      this.#onKept(4 * pattern.text.length);
    }
    return patterns;
  }
}
