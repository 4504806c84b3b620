/**
 * Which installation this is: the uid of namespace kube-system, unless configured. It tells clusters on one store
 * apart, so without it nothing may be written, and this waits for the API server as long as it takes.
 */
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from './kube/api.ts';
import { type KubeObject, NAMESPACES } from './kube/object.ts';
import type { Log } from './log.ts';

const RETRY_MS = 2000;

export interface InstallationOptions {
  readonly api: Pick<KubeApi, 'get'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @throws the signal's reason. */
export async function readInstallation({ api, clock, log, signal }: InstallationOptions): Promise<string> {
  for (;;) {
    try {
      const { metadata } = await api.get<KubeObject>(NAMESPACES, { name: 'kube-system' }, { signal });
      if (metadata.uid) return metadata.uid;
    } catch (error) {
      signal.throwIfAborted();
      const advice =
        'cannot read namespace kube-system; set MCP2_OPERATOR_INSTALLATION_ID, or allow the operator to get it';
      log.warn({ err: error }, advice);
    }
    await clock.sleep(RETRY_MS, signal);
  }
}
