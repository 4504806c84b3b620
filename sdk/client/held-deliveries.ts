/**
 * What a subscription with acknowledgements holds: which deliveries are new to its reader, and which came once more only
 * because a new stream was opened while the event was still in hand. Pure.
 *
 * A new stream repeats what is not settled, under ids of its own: those replace the former ones, since the bus heeds a nack
 * only of the newest.
 */

export interface Delivery {
  readonly key: string;
  /** Of the newest delivery of the event. */
  ackId: string;
  attempt: number;
  /** Which stream brought it last. */
  stream: number;
  /** On the monotonic clock, when the reader could first have had it. */
  readonly receivedMs: number;
  /** False while it lies in the buffer. */
  isTaken: boolean;
  /** The bus is being told. */
  isSettling: boolean;
}

export interface ReceivedDelivery {
  readonly topic: string;
  readonly sequence_id: number;
  readonly ack_id: string;
  readonly delivery_attempt: number;
}

export interface HeldOptions {
  readonly ackWaitMs: number;
  readonly maxInFlight: number;
}

/** The most that can be in flight, and as many again on their way. */
const MAX_DONE = 2_048;

export class HeldDeliveries {
  readonly #options: HeldOptions;
  readonly #held = new Map<string, Delivery>();
  /** The last ones, the oldest first: their acknowledgement and a new stream may have crossed on the way. */
  readonly #done = new Map<string, Delivery>();

  constructor(options: HeldOptions) {
    this.#options = options;
  }

  /** Deliveries that are not settled. */
  get size(): number {
    return this.#held.size;
  }

  /** As many as the bus lets out: it sends nothing until some are settled. */
  get isFull(): boolean {
    return this.#held.size >= this.#options.maxInFlight;
  }

  /** @returns a new delivery for the reader; or the one that it has, or had: then `again` says whether to settle it again */
  receive(
    event: ReceivedDelivery,
    stream: number,
    nowMs: number,
  ): { readonly delivery: Delivery; readonly kind: 'new' | 'double' | 'settle again' } {
    const key = `${event.topic}\n${event.sequence_id}`;
    const done = this.#done.get(key);
    if (done !== undefined) {
      renew(done, event, stream);
      return { delivery: done, kind: 'settle again' };
    }
    const held = this.#held.get(key);
    if (held !== undefined && this.#isInHand(held, stream, nowMs)) {
      renew(held, event, stream);
      return { delivery: held, kind: 'double' };
    }
    const delivery: Delivery = {
      ...{ key, ackId: event.ack_id, attempt: event.delivery_attempt, stream },
      ...{ receivedMs: nowMs, isTaken: false, isSettling: false },
    };
    this.#held.delete(key);
    this.#held.set(key, delivery);
    this.#forgetOld(nowMs);
    return { delivery, kind: 'new' };
  }

  /** The reader has said what to do with it. @param comesAgain it gives it back: what comes then is new, also at once */
  settling(delivery: Delivery, comesAgain: boolean): void {
    delivery.isSettling = true;
    if (comesAgain) this.failed(delivery);
  }

  /** The bus knows it. */
  settled(delivery: Delivery): void {
    if (this.#held.get(delivery.key) !== delivery) return;
    this.#held.delete(delivery.key);
    this.#done.set(delivery.key, delivery);
    const [oldest] = this.#done.keys();
    if (this.#done.size > MAX_DONE && oldest !== undefined) this.#done.delete(oldest);
  }

  /** It could not be settled: it comes again. */
  failed(delivery: Delivery): void {
    if (this.#held.get(delivery.key) === delivery) this.#held.delete(delivery.key);
  }

  /**
   * The bus repeats an event on the same stream, or after `ackWaitMs`, because it waits in vain; on a new stream because of
   * that stream. What lies in the buffer, or is being settled, the reader has either way.
   */
  #isInHand(held: Delivery, stream: number, nowMs: number): boolean {
    if (!held.isTaken || held.isSettling) return true;
    return held.stream !== stream && nowMs - held.receivedMs < this.#options.ackWaitMs;
  }

  /** The bus has set aside what it sent too often: those never come again. */
  #forgetOld(nowMs: number): void {
    if (this.#held.size <= this.#options.maxInFlight) return;
    for (const [key, { isTaken, receivedMs }] of this.#held) {
      if (isTaken && nowMs - receivedMs >= this.#options.ackWaitMs) this.#held.delete(key);
    }
  }
}

function renew(delivery: Delivery, event: ReceivedDelivery, stream: number): void {
  delivery.ackId = event.ack_id;
  delivery.attempt = event.delivery_attempt;
  delivery.stream = stream;
}
