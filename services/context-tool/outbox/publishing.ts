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
import { ambientOf } from '#sdk/client/ambient.ts';
import { openEventBus } from '#sdk/client/event-bus-connection.ts';
import { createEventPublisher, type EventPublisher } from '#sdk/client/event-publisher.ts';
import { findToken } from '#sdk/client/settings.ts';
import type { TokenSource } from '#sdk/client/token-source.ts';
import type { RuntimeConfig, SecretReference } from '../config/runtime-config.ts';
import { PUBLISH_MS, type Publish, PublishRefused } from './publish-rows.ts';

/** What whoever runs a server in its own process knows better than the environment. */
export interface OwnConnection {
  /** host:port of the event bus; the configuration's `eventBus` goes before it. Undefined: it is not known yet. */
  readonly eventBus: () => string | undefined;
  /**
   * The token of a server without `token`: asked before each use. It needs `event:publish:<pattern>` for each of the
   * `topics` of its `events`, and the audience of the event bus.
   */
  readonly token: (config: RuntimeConfig) => string | Promise<string>;
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
  readonly ownConnection?: OwnConnection | undefined;
}

const FOR_GOOD: readonly status[] = [status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.ALREADY_EXISTS];

export function createOpenPublishing(dependencies: PublishingDependencies): OpenPublishing {
  return (config) => new OwnPublishing(config, dependencies);
}

class OwnPublishing implements Publishing {
  readonly #config: RuntimeConfig;
  readonly #dependencies: PublishingDependencies;
  #opening: Promise<EventPublisher> | undefined;

  constructor(config: RuntimeConfig, dependencies: PublishingDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
  }

  readonly publish: Publish = async ({ topic, payload, ...options }, signal) => {
    const publisher = await this.#open();
    try {
      await publisher.publish(topic, payload, { ...options, deadlineMs: PUBLISH_MS, signal });
    } catch (error) {
      throw isForGood(error) ? new PublishRefused(sentenceOf(error), { cause: error }) : error;
    }
  };

  async close(): Promise<void> {
    const publisher = await this.#opening?.catch(() => undefined);
    await publisher?.close();
  }

  /** Tried anew after it failed. */
  #open(): Promise<EventPublisher> {
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<EventPublisher> {
    const { clock, random, env, protos, log, ownConnection } = this.#dependencies;
    const ambient = ambientOf({ clock, random, env });
    const eventBus = this.#config.eventBus ?? ownConnection?.eventBus();
    const token = this.#findToken(ambient);
    return createEventPublisher(await openEventBus({ eventBus }, { ambient, token, protos, log }));
  }

  #findToken(ambient: Parameters<typeof findToken>[1]): TokenSource {
    const { readSecret, ownConnection } = this.#dependencies;
    const { token: reference } = this.#config;
    if (reference !== undefined) return () => readSecret(reference);
    return ownConnection === undefined ? findToken(undefined, ambient) : () => ownConnection.token(this.#config);
  }
}

/** A token for somebody else is the server's mistake, not the row's. */
function isForGood(error: unknown): error is CallError {
  return error instanceof CallError && FOR_GOOD.includes(error.code) && error.reason !== 'AUDIENCE_MISMATCH';
}

function sentenceOf({ reason, message }: CallError): string {
  return reason === undefined ? message : `${reason}: ${message}`;
}
