/**
 * Keeps a server known in Discovery for as long as it runs: registers it, renews the lease three times in its time, registers
 * again after a loss, and takes it away in the end. Each call has a fresh token.
 *
 * For servers that no resource names. A name that is another's is said once and not tried again: whoever has it would have to
 * give it up first.
 */
import { status } from '@grpc/grpc-js';
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Logger } from '#lib/logger.ts';
import { Health } from '#protos/generated/mcp2/Health.ts';
import type { RegisterRequest } from '#protos/generated/mcp2/RegisterRequest.ts';
import type { HeldInstance, RegistryConnection } from './registry-connection.ts';

export interface RegistrationParts {
  readonly registry: RegistryConnection;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Without the token. */
  readonly request: RegisterRequest & { readonly server_name: string };
}

/** A third of the lease's time lies between two beats. */
const BEATS_A_LEASE = 3;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;
/** What no later attempt can change. */
const FINAL = ['NAME_TAKEN', 'NAME_RESERVED', 'NAME_INVALID'];
/** The lease that we think we hold is none any more. */
const LOST = ['INSTANCE_UNKNOWN', 'LEASE_NOT_YOURS'];

export class Registration {
  readonly #parts: RegistrationParts;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  #held: (HeldInstance & { readonly ttlMs: number }) | undefined;
  #isTroubled = false;
  #keeping: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    this.#backoff = new Backoff({ baseMs: FIRST_PAUSE_MS, capMs: LAST_PAUSE_MS, random: parts.random });
  }

  /**
   * Resolves when the server is known; waits for a registry that is away.
   *
   * @throws CallError for a refusal, such as NAME_TAKEN or CAPABILITY_DENIED
   */
  async begin(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#held === undefined) {
      try {
        await this.#register();
      } catch (error) {
        signal.throwIfAborted();
        if (!isAway(error)) throw error;
        await this.#waitAfter(error);
      }
    }
    this.#keeping = this.#keep();
  }

  /** Takes the server away; never rejects. A second call waits for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    const { registry, request, log } = this.#parts;
    this.#stopping.abort(new Error('the server is closing'));
    await this.#keeping;
    if (this.#held === undefined) return;
    await registry.deregister(request.server_name, this.#held).catch((error: unknown) => {
      log.warn({ err: error }, 'the server could not be taken out of Discovery; its lease ends by itself');
    });
  }

  /** Until the stop, or a refusal that no later attempt can change. Never rejects. */
  async #keep(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (this.#held === undefined) await this.#register();
        else await this.#beat(this.#held);
        await clock.sleep((this.#held?.ttlMs ?? 0) / BEATS_A_LEASE, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (FINAL.includes(reasonOf(error))) {
          this.#held = undefined;
          log.error({ err: error }, 'the server is known in Discovery no more, and this is not tried again');
          return;
        }
        if (LOST.includes(reasonOf(error))) this.#held = undefined;
        await this.#waitAfter(error).catch(() => undefined);
      }
    }
  }

  async #register(): Promise<void> {
    const { registry, request, log } = this.#parts;
    const answer = await registry.register(request, this.#stopping.signal);
    const { instance_id, lease_token, ttl_seconds } = answer;
    this.#held = { instance_id, lease_token, ttlMs: ttl_seconds * 1000 };
    log.info({ server: request.server_name, url: request.grpc_url, instanceId: instance_id }, 'registered');
    this.#wentWell();
  }

  async #beat({ instance_id, lease_token }: HeldInstance): Promise<void> {
    const { registry, request } = this.#parts;
    const health = Health.HEALTH_SERVING;
    const beat = { server_name: request.server_name, instance_id, lease_token, health };
    await registry.beat(beat, this.#stopping.signal);
    this.#wentWell();
  }

  #wentWell(): void {
    if (this.#isTroubled) this.#parts.log.info({}, 'the registry answers again');
    this.#isTroubled = false;
    this.#backoff.reset();
  }

  /** One line for each trouble, however long it lasts. @throws the reason of the stop */
  async #waitAfter(error: unknown): Promise<void> {
    const { clock, log, registry } = this.#parts;
    if (!this.#isTroubled) log.warn({ err: error, registry: registry.address }, 'cannot register; trying again');
    this.#isTroubled = true;
    await clock.sleep(this.#backoff.nextMs(), this.#stopping.signal);
  }
}

function isAway(error: unknown): boolean {
  return error instanceof CallError && (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED);
}

function reasonOf(error: unknown): string {
  return error instanceof CallError ? (error.reason ?? '') : '';
}
