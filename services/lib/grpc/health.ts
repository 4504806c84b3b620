/**
 * grpc.health.v1 for clients and load balancers (Kubernetes probes use the ops port).
 *
 * The definition is grpc-health-check's; its implementation is not used: its watchers never end, so a server could not
 * drain, write without regard for slow readers, and are not counted or limited like other calls.
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
import { service as healthService } from 'grpc-health-check';
import { ServiceError } from '../errors.ts';
import { Waiters } from '../waiters.ts';
import type { CallContext } from './call-context.ts';
import { implement, type ServiceEntry } from './method.ts';
import { serverStream } from './server-stream.ts';
import { unary } from './unary.ts';

export type ServingStatus = 'SERVING' | 'NOT_SERVING';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: ServingStatus | 'SERVICE_UNKNOWN';
}

/** The serving status of each service, "" being the whole server: SERVING when all of them are. */
export class HealthBoard {
  readonly #statuses: Map<string, ServingStatus>;
  readonly #watchers = new Waiters();
  #stopped = false;

  /** All services begin as SERVING: nobody can ask before the server listens. */
  constructor(services: readonly string[]) {
    this.#statuses = new Map(services.map((service) => [service, 'SERVING']));
  }

  set(service: string, serving: ServingStatus): void {
    if (!this.#statuses.has(service)) throw new Error(`this server has no service ${service}`);
    this.#statuses.set(service, serving);
    this.#watchers.wake();
  }

  /** From now on everything is NOT_SERVING, whatever is set later. */
  stop(): void {
    this.#stopped = true;
    this.#watchers.wake();
  }

  /** undefined for a service that this server does not have. */
  get(service: string): ServingStatus | undefined {
    const serving = service === '' ? this.#overall() : this.#statuses.get(service);
    return this.#stopped && serving !== undefined ? 'NOT_SERVING' : serving;
  }

  /** Resolves at the next change of any service, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#watchers.next(signal);
  }

  #overall(): ServingStatus {
    return [...this.#statuses.values()].every((serving) => serving === 'SERVING') ? 'SERVING' : 'NOT_SERVING';
  }
}

export function healthServiceOf(board: HealthBoard): ServiceEntry {
  return implement(healthService, { Check: unary(check), Watch: serverStream(watch) });

  function check({ service }: HealthRequest): HealthResponse {
    const serving = board.get(service);
    // The protocol asks for NOT_FOUND here; a watcher is told SERVICE_UNKNOWN instead and stays.
    if (serving === undefined) throw new ServiceError('INSTANCE_UNKNOWN', 'this server has no service of that name');
    return { status: serving };
  }

  async function* watch({ service }: HealthRequest, call: CallContext): AsyncGenerator<HealthResponse> {
    let sent: string | undefined;
    while (!call.signal.aborted) {
      const serving = board.get(service) ?? 'SERVICE_UNKNOWN';
      if (serving === sent) {
        await board.changed(call.signal);
        continue;
      }
      sent = serving;
      yield { status: serving };
    }
  }
}
