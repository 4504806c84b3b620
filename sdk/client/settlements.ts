/**
 * Acknowledgements on their way to the bus, many in one call: what a reader says within a tick, or while the call before is
 * on its way, goes together. Calls follow each other, so that they bring as much as there is.
 */
import type { EventAckRequest } from '#protos/generated/mcp2/EventAckRequest.ts';
import type { EventAckResponse__Output } from '#protos/generated/mcp2/EventAckResponse.ts';

export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'term' }
  | { readonly kind: 'nack'; readonly delayMs: number };

/** Of which delivery: its id is read when it is sent, the newest that is known. */
export interface Settled {
  readonly ackId: string;
}

interface Pending {
  readonly settled: Settled;
  readonly settlement: Settlement;
  /** False: the subscription does not know it any more. */
  readonly resolve: (isKnown: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** One call takes no more ids. */
const MAX_IDS = 1_024;
/** So many do not wait for the tick to end. */
const ENOUGH = 64;

export type AckCall = Pick<EventAckRequest, 'ack_ids' | 'nack_ids' | 'nack_delay_ms' | 'term_ids'>;

export class Settlements {
  readonly #send: (request: AckCall) => Promise<EventAckResponse__Output>;
  #pending: Pending[] = [];
  #sending: Promise<void> | undefined;
  #hurry: () => void = () => undefined;

  /** @param send may try more than once */
  constructor(send: (request: AckCall) => Promise<EventAckResponse__Output>) {
    this.#send = send;
  }

  /** @returns false when the subscription does not know it any more @throws what `send` rejects with */
  settle(settled: Settled, settlement: Settlement): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#pending.push({ settled, settlement, resolve, reject });
    this.#sending ??= this.#sendAll();
    if (this.#pending.length >= ENOUGH) this.#hurry();
    return promise;
  }

  /** Resolves when nothing is on its way. */
  async flushed(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
  }

  async #sendAll(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#hurry = resolve;
      setImmediate(resolve);
    });
    while (this.#pending.length > 0) {
      const { batch, rest } = nextBatch(this.#pending);
      this.#pending = rest;
      await this.#sendBatch(batch);
    }
    this.#sending = undefined;
  }

  async #sendBatch(batch: readonly Pending[]): Promise<void> {
    try {
      const ids = batch.map(({ settled }) => settled.ackId);
      const { unknown_ids } = await this.#send(toRequest(batch));
      const unknown = new Set(unknown_ids);
      for (const [i, { resolve }] of batch.entries()) resolve(!unknown.has(ids[i] ?? ''));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** One call has one delay for what it gives back: what has another one waits for the next. */
function nextBatch(pending: readonly Pending[]): { readonly batch: Pending[]; readonly rest: Pending[] } {
  const delayMs = pending.map(({ settlement }) => settlement).find(({ kind }) => kind === 'nack');
  const batch: Pending[] = [];
  const rest: Pending[] = [];
  for (const one of pending) {
    const { settlement } = one;
    const fits = settlement.kind !== 'nack' || (delayMs?.kind === 'nack' && settlement.delayMs === delayMs.delayMs);
    if (fits && batch.length < MAX_IDS) batch.push(one);
    else rest.push(one);
  }
  return { batch, rest };
}

function toRequest(batch: readonly Pending[]): AckCall {
  const idsOf = (wanted: Settlement['kind']) =>
    batch.filter(({ settlement }) => settlement.kind === wanted).map(({ settled }) => settled.ackId);
  const [delayMs = 0] = batch.flatMap(({ settlement }) => (settlement.kind === 'nack' ? [settlement.delayMs] : []));
  return { ack_ids: idsOf('ack'), nack_ids: idsOf('nack'), nack_delay_ms: delayMs, term_ids: idsOf('term') };
}
