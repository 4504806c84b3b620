/**
 * Publishing without a client: for a server that publishes, and for what drains tables. Address, credentials, token and clock
 * in; a publisher out.
 */
import { createEventBusConnection, type EventBusConnection, type EventBusParts } from './event-bus-connection.ts';
import { EventCalls } from './event-calls.ts';
import type { EventPayload, Published, PublishOptions } from './event-request.ts';
import { LayeredCalls } from './layered-calls.ts';
import type { Publisher, PublisherOptions } from './stream-publisher.ts';

export interface EventPublisher extends Disposable {
  /**
   * One event, sent again for as long as that may help.
   *
   * @throws CallError, TypeError for what cannot be sent, or what `open` throws
   */
  publish(topic: string, payload: EventPayload, options?: PublishOptions): Promise<Published>;
  /** Many events over one stream, in order within each topic. */
  publisher(options?: PublisherOptions): Publisher;
  /** Ends what runs, and the connection. A second time does nothing. */
  close(): void;
}

/** Connects when first used. */
export function createEventPublisher(parts: EventBusParts): EventPublisher {
  return createLazyEventPublisher(parts, async () => createEventBusConnection(parts));
}

/** The same for a bus that is looked for when it is first used. */
export function createLazyEventPublisher(
  { clock, random }: Pick<EventBusParts, 'clock' | 'random'>,
  open: () => Promise<EventBusConnection>,
): EventPublisher {
  const calls = new LayeredCalls({ clock });
  const events = new EventCalls({ open, calls, clock, random });
  const close = () => {
    calls.close();
    events.close();
  };
  return {
    publish: (topic, payload, options) => events.publish(topic, payload, options),
    publisher: (options) => events.publisher(options),
    close,
    [Symbol.dispose]: close,
  };
}
