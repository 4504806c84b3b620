/** What a subscription with acknowledgements does beside reading: tells doubles from redeliveries, and settles. */
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { EventAckResponse__Output } from '#protos/generated/mcp2/EventAckResponse.ts';
import { callEventBus, type EventBusConnection, eventBusMethod } from './event-bus-connection.ts';
import { type Delivery, HeldDeliveries, type ReceivedDelivery } from './held-deliveries.ts';
import type { LayeredCalls } from './layered-calls.ts';
import type { Settle } from './received-event.ts';
import { type AckCall, type Settlement, Settlements } from './settlements.ts';
import { DEFAULT_ACK_WAIT_MS, DEFAULT_IN_FLIGHT, type SubscribeTerms } from './subscribe-request.ts';

export interface AcknowledgingParts {
  readonly connect: () => Promise<EventBusConnection>;
  readonly calls: LayeredCalls;
  readonly clock: Clock;
}

export interface NewDelivery {
  readonly settle: NonNullable<Settle>;
  /** The reader has it. */
  readonly taken: () => void;
}

export class Acknowledging {
  readonly #parts: AcknowledgingParts;
  readonly #name: string;
  readonly #ackWaitMs: number;
  readonly #held: HeldDeliveries;
  readonly #settlements: Settlements;

  constructor(
    terms: Pick<SubscribeTerms, 'durable_name' | 'ack_wait_ms' | 'max_in_flight'>,
    parts: AcknowledgingParts,
  ) {
    this.#parts = parts;
    this.#name = terms.durable_name;
    this.#ackWaitMs = terms.ack_wait_ms || DEFAULT_ACK_WAIT_MS;
    this.#held = new HeldDeliveries({
      ackWaitMs: this.#ackWaitMs,
      maxInFlight: terms.max_in_flight || DEFAULT_IN_FLIGHT,
    });
    this.#settlements = new Settlements((request) => this.#send(request));
  }

  /** The bus waits for acknowledgements before it sends more. */
  get isFull(): boolean {
    return this.#held.isFull;
  }

  /** @param stream its number @returns undefined for what the reader has, or had */
  receive(envelope: ReceivedDelivery, stream: number): NewDelivery | undefined {
    const { delivery, kind } = this.#held.receive(envelope, stream, this.#parts.clock.monotonicMs());
    if (kind === 'new') {
      const taken = () => {
        delivery.isTaken = true;
      };
      return { settle: (settlement) => this.#settle(delivery, settlement), taken };
    }
    // What it was acknowledged as is settled; the new delivery is not, and would come again.
    if (kind === 'settle again') this.#settlements.settle(delivery, { kind: 'ack' }).catch(() => undefined);
    return undefined;
  }

  /** Resolves when nothing is on its way to the bus. */
  flushed(): Promise<void> {
    return this.#settlements.flushed();
  }

  async #settle(delivery: Delivery, settlement: Settlement): Promise<boolean> {
    this.#held.settling(delivery, settlement.kind === 'nack');
    try {
      const isKnown = await this.#settlements.settle(delivery, settlement);
      this.#held.settled(delivery);
      return isKnown;
    } catch (error) {
      this.#held.failed(delivery);
      throw error;
    }
  }

  async #send(call: AckCall): Promise<EventAckResponse__Output> {
    const connection = await this.#parts.connect();
    const method = eventBusMethod(connection.protos, 'Ack');
    try {
      const answer = await this.#parts.calls.send({
        method,
        request: { durable_name: this.#name, ...call },
        run: (request, running) => callEventBus(connection, { method, request }, running),
        // After that the events come again anyway.
        deadlineMs: this.#ackWaitMs,
      });
      return answer as EventAckResponse__Output;
    } catch (error) {
      if (!(error instanceof CallError) || error.reason !== 'SUBSCRIPTION_UNKNOWN') throw error;
      const { ack_ids = [], nack_ids = [], term_ids = [] } = call;
      return { accepted: 0, unknown_ids: [...ack_ids, ...nack_ids, ...term_ids] };
    }
  }
}
