/**
 * The event bus as a server publishes to it: with its own token, over one connection of one configuration.
 *
 * Where the bus is and which token is used is found when the first row is to be published, and looked for again as long as
 * something is missing: a server whose token comes late, or never, serves its contexts and tools all the same.
 */
import { status } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import type { Environment } from '#lib/config/env-reader.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Logger } from '#lib/logger.ts';
import type { Services } from '#protos/load.ts';
import { type Ambient, ambientOf } from '#sdk/client/ambient.ts';
import { type EventBusConnection, openEventBus } from '#sdk/client/event-bus-connection.ts';
import type { EventBusOptions } from '#sdk/client/event-bus-settings.ts';
import { createLazyEventPublisher, type EventPublisher } from '#sdk/client/event-publisher.ts';
import { findToken } from '#sdk/client/settings.ts';
import type { Publisher } from '#sdk/client/stream-publisher.ts';
import type { TokenSource } from '#sdk/client/token-source.ts';
import type { RuntimeConfig, SecretReference } from '../config/runtime-config.ts';
import { PUBLISH_MS, type Publish, PublishRefused } from './publish-rows.ts';

/** A bus of this process, for whoever runs servers beside it and makes their tokens. */
export interface OwnEventBus {
  /** host:port on this machine, in the clear. Undefined: it does not listen yet, and is asked for again. */
  readonly address: () => string | undefined;
  /**
   * For a configuration without `token`: the right `event:publish:<pattern>` for each of the `topics` of its `events`, and
   * the audience of the event bus. Asked once for each configuration, the source before each use.
   */
  readonly tokenSource: (config: RuntimeConfig) => TokenSource;
}

export interface Publishing {
  readonly publish: Publish;
  close(): Promise<void>;
}

/** Opens nothing yet. */
export type OpenPublishing = (config: RuntimeConfig) => Publishing;

export interface PublishingDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly env: Environment;
  readonly protos: Pick<Services, 'EventBus'>;
  readonly readSecret: (reference: SecretReference) => string;
  /** Default: what the environment names, what is mounted, or a running `mcp2 up`. */
  readonly ownEventBus?: OwnEventBus | undefined;
}

/** Before the row is given up: the publisher then says what came in the way. */
const ANSWER_MS = 1_000;
const FOR_GOOD: readonly status[] = [status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.ALREADY_EXISTS];

export function createOpenPublishing(dependencies: PublishingDependencies): OpenPublishing {
  return (config) => new OwnPublishing(config, dependencies);
}

class OwnPublishing implements Publishing {
  readonly #config: RuntimeConfig;
  readonly #dependencies: PublishingDependencies;
  readonly #ambient: Ambient;
  readonly #events: EventPublisher;
  readonly #publisher: Publisher;

  constructor(config: RuntimeConfig, dependencies: PublishingDependencies) {
    const { clock, random, env } = dependencies;
    this.#config = config;
    this.#dependencies = dependencies;
    this.#ambient = ambientOf({ clock, random, env });
    this.#events = createLazyEventPublisher({ clock, random }, () => this.#open());
    this.#publisher = this.#events.publisher();
  }

  readonly publish: Publish = async ({ topic, payload, id, contentType, attributes }, signal) => {
    const options = { id, contentType, attributes, deadlineMs: PUBLISH_MS - ANSWER_MS, signal };
    try {
      await this.#publisher.publish(topic, payload, options);
    } catch (error) {
      throw isForGood(error) ? new PublishRefused(sentenceOf(error), { cause: error }) : error;
    }
  };

  async close(): Promise<void> {
    await this.#publisher.close();
    this.#events.close();
  }

  async #open(): Promise<EventBusConnection> {
    const { protos, log } = this.#dependencies;
    return openEventBus(this.#place(), { ambient: this.#ambient, token: this.#findToken(), protos, log });
  }

  #place(): EventBusOptions {
    const { eventBus } = this.#config;
    const { ownEventBus } = this.#dependencies;
    if (eventBus !== undefined || ownEventBus === undefined) return { eventBus };
    const address = ownEventBus.address();
    if (address === undefined) throw new Error('the event bus does not listen yet');
    return { eventBus: address, plaintext: true };
  }

  /** A token that was made for the bus of this process goes to no other. */
  #findToken(): TokenSource {
    const { readSecret, ownEventBus } = this.#dependencies;
    const { token: reference, eventBus } = this.#config;
    if (reference !== undefined) return () => readSecret(reference);
    if (eventBus === undefined && ownEventBus !== undefined) return ownEventBus.tokenSource(this.#config);
    return findToken(undefined, this.#ambient);
  }
}

/** A token for somebody else is the server's mistake, not the row's. */
function isForGood(error: unknown): error is CallError {
  return error instanceof CallError && FOR_GOOD.includes(error.code) && error.reason !== 'AUDIENCE_MISMATCH';
}

function sentenceOf({ reason, message }: CallError): string {
  return reason === undefined ? message : `${reason}: ${message}`;
}
