/** What the operator of a cluster is given; `main.ts` and tests make it. */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { KubeConnection } from '#lib/kube/credentials.ts';
import type { ReflectorTiming } from '#lib/kube/reflector.ts';
import type { Logger } from '#lib/logger.ts';
import type { Dial } from '#lib/net/dial.ts';
import type { Store } from '#lib/store/store.ts';
import type { Services } from '#protos/load.ts';

export interface OperatorDependencies {
  readonly connection: KubeConnection;
  readonly store: Store;
  readonly services: Services;
  readonly dial: Dial;
  /** The text of crds/mcp2.dev_mcp2servers.yaml. */
  readonly definition: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: Registry;
  /** For tests. */
  readonly reflectorTiming?: Partial<ReflectorTiming>;
  /** For tests: how often to look at files that are replaced. */
  readonly filePollMs?: number;
  /** For tests: how long the store is away before statuses tell of it. */
  readonly unavailableAfterMs?: number;
}
