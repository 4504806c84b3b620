/**
 * Which event of a publisher is sent next. Those of one topic are sent in their order, whatever happens: the next one when
 * the one before is settled, since the bus goes on after a refusal that may be tried again. Topics do not wait for each other.
 *
 * Pure: knows no stream and no time but what it is told.
 */

export interface QueuedEvent {
  readonly topic: string;
  readonly bytes: number;
}

export interface PublishQueueOptions {
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** Send an event although the one before it in its topic is not settled: faster, and after a refusal out of order. */
  readonly pipelined: boolean;
}

interface Place<Event> {
  readonly event: Event;
  readonly lane: Lane<Event>;
  isSent: boolean;
  notBeforeMs: number;
}

/** What is not settled of one topic, in its order. */
interface Lane<Event> {
  readonly topic: string;
  readonly places: Place<Event>[];
  /** Among the lanes to look at. */
  isReady: boolean;
}

export class PublishQueue<Event extends QueuedEvent> {
  readonly #options: PublishQueueOptions;
  readonly #lanes = new Map<string, Lane<Event>>();
  readonly #places = new Map<Event, Place<Event>>();
  /** Lanes that may have something to send, the one that waits longest first. */
  #ready: Lane<Event>[] = [];
  #bytes = 0;

  constructor(options: PublishQueueOptions) {
    this.#options = options;
  }

  /** Events that are not settled. */
  get size(): number {
    return this.#places.size;
  }

  /** One event is taken however large it is. */
  hasRoomFor(bytes: number): boolean {
    const { maxEvents, maxBytes } = this.#options;
    return this.size === 0 || (this.size < maxEvents && this.#bytes + bytes <= maxBytes);
  }

  add(event: Event): void {
    const lane = this.#lanes.get(event.topic) ?? { topic: event.topic, places: [], isReady: false };
    this.#lanes.set(event.topic, lane);
    const place = { event, lane, isSent: false, notBeforeMs: Number.NEGATIVE_INFINITY };
    lane.places.push(place);
    this.#places.set(event, place);
    this.#bytes += event.bytes;
    this.#look(lane);
  }

  /** The next event to send, which counts as sent from now on. */
  take(nowMs: number): Event | undefined {
    const late: Lane<Event>[] = [];
    let found: Event | undefined;
    while (found === undefined && this.#ready.length > 0) {
      const lane = this.#ready.shift() as Lane<Event>;
      lane.isReady = false;
      const place = this.#sendable(lane);
      if (place === undefined) continue;
      if (place.notBeforeMs > nowMs) {
        late.push(lane);
        continue;
      }
      place.isSent = true;
      found = place.event;
      if (this.#options.pipelined) this.#look(lane);
    }
    for (const lane of late) this.#look(lane);
    return found;
  }

  /** When the first event may be sent that was refused for now; undefined: none waits for that. */
  dueMs(): number | undefined {
    const due = this.#ready.map((lane) => this.#sendable(lane)?.notBeforeMs ?? Number.POSITIVE_INFINITY);
    const first = Math.min(...due);
    return Number.isFinite(first) ? first : undefined;
  }

  has(event: Event): boolean {
    return this.#places.has(event);
  }

  /** It was answered, or given up. */
  settle(event: Event): void {
    const place = this.#places.get(event);
    if (place === undefined) return;
    const { lane } = place;
    this.#places.delete(event);
    this.#bytes -= event.bytes;
    lane.places.splice(lane.places.indexOf(place), 1);
    if (lane.places.length === 0) this.#lanes.delete(lane.topic);
    else this.#look(lane);
  }

  /** It was refused for now: later ones of its topic wait until it is sent again. */
  refuse(event: Event, notBeforeMs: number): void {
    const place = this.#places.get(event);
    if (place === undefined) return;
    place.isSent = false;
    place.notBeforeMs = notBeforeMs;
    this.#look(place.lane);
  }

  /** The stream is gone: what was sent on it and not answered is sent once more, in its order. @returns those */
  returnSent(): readonly Event[] {
    const sent = [...this.#places.values()].filter(({ isSent }) => isSent);
    for (const place of sent) place.isSent = false;
    for (const lane of this.#lanes.values()) this.#look(lane);
    return sent.map(({ event }) => event);
  }

  /** In the order in which they were added. */
  events(): readonly Event[] {
    return [...this.#places.keys()];
  }

  #sendable(lane: Lane<Event>): Place<Event> | undefined {
    const first = lane.places.findIndex(({ isSent }) => !isSent);
    return first === 0 || this.#options.pipelined ? lane.places[first] : undefined;
  }

  #look(lane: Lane<Event>): void {
    if (lane.isReady || lane.places.length === 0) return;
    lane.isReady = true;
    this.#ready.push(lane);
  }
}
