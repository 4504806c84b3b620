/**
 * Which installation this is: the uid of namespace kube-system, unless configured. It tells clusters on one store
 * apart, so without it nothing may be written, and this waits for the API server as long as it takes.
 */
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from '#lib/kube/api.ts';
import { readInstallationId } from '#lib/kube/installation-id.ts';
import type { Logger } from '#lib/logger.ts';

const RETRY_MS = 2000;

export interface InstallationOptions {
  readonly api: Pick<KubeApi, 'get'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** @throws the signal's reason. */
export async function awaitInstallationId({ api, clock, log, signal }: InstallationOptions): Promise<string> {
  for (;;) {
    try {
      return await readInstallationId(api, signal);
    } catch (error) {
      signal.throwIfAborted();
      const advice =
        'cannot read namespace kube-system; set MCP2_OPERATOR_INSTALLATION_ID, or allow the operator to get it';
      log.warn({ err: error }, advice);
    }
    await clock.sleep(RETRY_MS, signal);
  }
}
