/** One task from beginning to end, within its time: what went wrong is the last line of its log. */
import type { Clock } from '#lib/clock.ts';
import { createKubeApi } from '#lib/kube/api.ts';
import { isServerAway, KubeApiError } from '#lib/kube/api-error.ts';
import type { KubeConnection } from '#lib/kube/credentials.ts';
import type { Logger } from '#lib/logger.ts';
import type { SetupConfig, Task } from './config.ts';
import { CONTROL_PLANE, MANAGED_BY, MANAGER, type ObjectAccess } from './owned-object.ts';
import { prepare } from './prepare.ts';
import { SetupError } from './setup-error.ts';
import { setUpStore } from './store.ts';
import { uninstall } from './uninstall.ts';

export interface TaskDependencies {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

/** @returns whether it succeeded; if not, the log says why. */
export async function runTask(task: Task, config: SetupConfig, dependencies: TaskDependencies): Promise<boolean> {
  const { connection, clock, random, log } = dependencies;
  const api = createKubeApi({ connection, clock, random, userAgent: MANAGER });
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(outOfTime(task, config)), config.timeoutMs);
  const { fullName, namespace } = config;
  const access: ObjectAccess = { api, namespace, labels: labelsOf(fullName, namespace), log, signal: stop.signal };
  try {
    log.info({ task, namespace, release: fullName }, 'setup begins');
    await TASKS[task](config, { ...dependencies, access });
    log.info({ task }, 'setup is done');
    return true;
  } catch (error) {
    report(error, connection.server, log);
    return false;
  } finally {
    clearTimeout(timer);
    await api.close();
  }
}

type TaskRun = (
  config: SetupConfig,
  dependencies: TaskDependencies & { readonly access: ObjectAccess },
) => Promise<void>;

const TASKS: Readonly<Record<Task, TaskRun>> = {
  prepare,
  rotate: prepare,
  store: setUpStore,
  uninstall,
};

function labelsOf(fullName: string, namespace: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'mcp2',
    'app.kubernetes.io/instance': fullName,
    'app.kubernetes.io/part-of': 'mcp2',
    [MANAGED_BY]: MANAGER,
    [CONTROL_PLANE]: namespace,
  };
}

function outOfTime(task: Task, { timeoutMs }: SetupConfig): SetupError {
  return new SetupError(`${task} was not done within ${timeoutMs / 1000} s; the lines above say what it waited for`);
}

/** Expected errors are a sentence; of others the stack is wanted too. */
function report(error: unknown, server: string, log: Logger): void {
  const isExpected = error instanceof SetupError || error instanceof KubeApiError;
  const message = error instanceof Error ? error.message : String(error);
  const problem = isServerAway(error) ? `${message}${whyAway(error, server)}` : message;
  log.error(isExpected ? { problem } : { problem, err: error }, 'setup failed');
}

/** A network policy that is too narrow, or a network that reads it otherwise, is what people meet first. */
function whyAway({ code, cause }: KubeApiError, server: string): string {
  const detail = cause instanceof Error ? ` (${cause.message})` : '';
  if (code !== 0) return ` (${server})`;
  return `, at ${server}${detail}: does a network policy keep this job from it? See networkPolicy.apiServer in the chart's values`;
}
