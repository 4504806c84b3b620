/**
 * What the registry answered, kept for as long as it said, and the last good answer for as long as it is down: endpoints
 * that were found an hour ago are better than none. Equal questions at one time are one Lookup.
 *
 * A refusal is never replaced by an older answer: it forgets it.
 */
import { status } from '@grpc/grpc-js';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { abortable, atMost } from '#lib/time-limit.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { LookupResponse__Output } from '#protos/generated/mcp2/LookupResponse.ts';

export interface Query {
  readonly capabilities: readonly string[];
  /** '' = any. */
  readonly server: string;
}

export interface DirectoryOptions {
  readonly ask: (query: Query) => Promise<LookupResponse__Output>;
  readonly clock: Clock;
}

export interface FindOptions {
  readonly signal: AbortSignal;
  /** How long to wait where nothing is known yet. */
  readonly waitMs: number;
  /** Ask again although an answer is still good: none of its endpoints was. */
  readonly again?: boolean;
}

/** Different questions that are remembered. */
const MAX_QUERIES = 256;
/** While an older answer is there, a registry that takes longer is not waited for. It answers from memory. */
const PATIENCE_MS = 250;
/** What says that the registry is down and not that it refuses. */
const DOWN: readonly status[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL, status.UNKNOWN];

interface Known {
  endpoints?: readonly Endpoint[];
  goodUntilMs: number;
  asking?: Promise<readonly Endpoint[]> | undefined;
  /** The last Lookup failed, or is late: the next callers do not wait for it either. */
  isDown: boolean;
}

export class Directory {
  readonly #options: DirectoryOptions;
  readonly #known = new LRUCache<string, Known>({ max: MAX_QUERIES });

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** @throws CallError, or the signal's reason. */
  async find(query: Query, { signal, waitMs, again = false }: FindOptions): Promise<readonly Endpoint[]> {
    const { clock } = this.#options;
    const key = JSON.stringify([query.server, [...query.capabilities].sort()]);
    const known = this.#known.get(key) ?? { goodUntilMs: 0, isDown: false };
    this.#known.set(key, known);
    if (known.endpoints !== undefined && !again && clock.monotonicMs() < known.goodUntilMs) return known.endpoints;
    known.asking ??= this.#ask(key, known, query).finally(() => {
      known.asking = undefined;
    });
    const { endpoints: older, asking } = known;
    asking.catch(() => undefined); // whoever does not wait for it must not be told by the process
    if (older === undefined) {
      if (await atMost(waitMs, abortable(asking, signal), clock)) return asking;
      const message = `mcp2.Discovery/Lookup: no answer within ${Math.round(waitMs)} ms`;
      throw new CallError(message, {
        code: status.DEADLINE_EXCEEDED,
        reason: 'DEADLINE_EXCEEDED',
        reachedServer: false,
      });
    }
    if (known.isDown) return older;
    if (await atMost(PATIENCE_MS, abortable(asking, signal), clock)) return known.endpoints ?? older;
    known.isDown = true;
    return older;
  }

  async #ask(key: string, known: Known, query: Query): Promise<readonly Endpoint[]> {
    try {
      const { endpoints, cache_ttl_ms } = await this.#options.ask(query);
      known.endpoints = endpoints;
      known.goodUntilMs = this.#options.clock.monotonicMs() + cache_ttl_ms;
      known.isDown = false;
      return endpoints;
    } catch (error) {
      const isDown = error instanceof CallError && DOWN.includes(error.code);
      if (isDown && known.endpoints !== undefined) {
        known.isDown = true;
        return known.endpoints;
      }
      this.#known.delete(key);
      throw error;
    }
  }
}
