/**
 * The cards of servers that were called, read when a decision needs one and kept: whether a call may be repeated, and how
 * a result is read. Whoever asks goes on without one when there is none.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import type { WireForm } from '#lib/json-schema/wire-form.ts';
import { abortable, atMost } from '#lib/time-limit.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { GetCardResponse__Output } from '#protos/generated/mcp2/GetCardResponse.ts';
import { type RunningCall, remainingMs } from './attempts.ts';
import { type Card, type CardTool, parseCard } from './card.ts';

export interface CardDirectoryOptions {
  readonly clock: Clock;
  /** From one of these, which are of one server; in a time of its own. */
  readonly fetch: (endpoints: readonly Endpoint[]) => Promise<GetCardResponse__Output>;
}

/** How a result of a tool is read; undefined: nobody says. */
export type ResultForms = ReadonlyMap<string, WireForm> | undefined;

/** For whom a card is wanted. */
export interface Wanting {
  readonly running: RunningCall;
  /** Endpoints that may be asked as well, as far as they are of the same server. */
  readonly peers: readonly Endpoint[];
}

const MAX_CARDS = 256;
const MAX_BYTES = 16 * 1024 * 1024;
/** Of a card whose digest the registry does not say. */
const UNNAMED_TTL_MS = 60_000;
/** A server that gave none is not asked again for so long. */
const ABSENT_TTL_MS = 10_000;

interface Kept {
  readonly card: Promise<Card | undefined>;
  /** On the monotonic clock. */
  goodUntilMs: number;
  readonly forms: Map<string, Promise<ResultForms>>;
}

export class CardDirectory {
  readonly #options: CardDirectoryOptions;
  readonly #kept = new LRUCache<string, Kept>({ max: MAX_CARDS, maxSize: MAX_BYTES });

  constructor(options: CardDirectoryOptions) {
    this.#options = options;
  }

  /** @returns undefined when there is no card, or none in the time that the call has left */
  async tool(name: string, at: Endpoint, { running, peers }: Wanting): Promise<CardTool | undefined> {
    const card = await this.#within(this.#find(at, peers).card, running);
    return card?.tools.find((tool) => tool.name === name);
  }

  async resultForms(name: string, at: Endpoint, { running, peers }: Wanting): Promise<ResultForms> {
    const kept = this.#find(at, peers);
    const card = await this.#within(kept.card, running);
    const schema = card?.tools.find((tool) => tool.name === name)?.outputSchema;
    if (schema === undefined) return undefined;
    const known = kept.forms.get(name) ?? readForms(schema);
    kept.forms.set(name, known);
    return known;
  }

  async #within(card: Promise<Card | undefined>, running: RunningCall): Promise<Card | undefined> {
    const { clock } = this.#options;
    const isInTime = await atMost(remainingMs(running, clock), abortable(card, running.signal), clock);
    return isInTime ? card : undefined;
  }

  #find(at: Endpoint, peers: readonly Endpoint[]): Kept {
    const { clock } = this.#options;
    const digest = at.card_digest.toString('hex');
    const key = `${at.server_name} ${digest || at.grpc_url}`;
    const known = this.#kept.get(key);
    if (known !== undefined && clock.monotonicMs() < known.goodUntilMs) return known;
    const endpoints = [at, ...peers.filter(({ server_name }) => server_name === at.server_name)];
    const fetched = this.#fetch(endpoints).then((card) => {
      if (card === undefined) kept.goodUntilMs = clock.monotonicMs() + ABSENT_TTL_MS;
      else if (digest === '') kept.goodUntilMs = clock.monotonicMs() + UNNAMED_TTL_MS;
      if (this.#kept.peek(key) === kept) this.#kept.set(key, kept, { size: 1 + 2 * (card?.json.length ?? 0) });
      return card;
    });
    const kept: Kept = { card: fetched, goodUntilMs: Number.POSITIVE_INFINITY, forms: new Map() };
    this.#kept.set(key, kept, { size: 1 });
    return kept;
  }

  /** Never rejects: there may be many reasons why a server says nothing of itself, and a call goes on without it. */
  async #fetch(endpoints: readonly Endpoint[]): Promise<Card | undefined> {
    try {
      const { card } = await this.#options.fetch(endpoints);
      return card === null ? undefined : parseCard(card.card_json);
    } catch {
      return undefined;
    }
  }
}

/** Loaded when it is needed: RE2 takes 30 ms, and many programs call no tool. */
async function readForms(schema: Readonly<Record<string, unknown>>): Promise<ResultForms> {
  const { readWireForms } = await import('#lib/json-schema/read-wire-forms.ts');
  return readWireForms(schema);
}
