/**
 * The context-tool of a pod, or of a process of its own: it reads its configuration, serves it, and follows its files. A state
 * that cannot be served is said in the log, and the one before stays in force.
 */
import type { Environment } from '#lib/config/env-reader.ts';
import type { NameLookup } from '#lib/net/dial.ts';
import type { ProcessRuntime, RunningProcess } from '#lib/service/run-process.ts';
import { ConfigFollower, type NewState } from './config/follow.ts';
import { createConfigReader, type ReadConfig } from './config/read-config.ts';
import type { Problem } from './config/runtime-config.ts';
import { createSecrets } from './config/secrets.ts';
import type { ContextToolSettings } from './config.ts';
import { SqliteFiles } from './database/sqlite/sqlite-files.ts';
import { findLimits } from './modules/process-limits.ts';
import { ConfigurationRefused, type RunningContextTool, start } from './start.ts';

export interface FollowingDependencies extends ProcessRuntime {
  /** Of the process: secrets may be in it. */
  readonly env: Environment;
  readonly lookup: NameLookup;
  /** Paths in problems are shown from here. */
  readonly workingFolder: string;
}

/** @throws ConfigurationRefused; ListenError; ConfigError for a file of keys or TLS that cannot be used */
export async function startFollowing(
  settings: ContextToolSettings,
  dependencies: FollowingDependencies,
): Promise<RunningProcess> {
  const { clock, log } = dependencies;
  const stopping = new AbortController();
  const limits = await findLimits();
  const sqliteFiles = new SqliteFiles({ clock, log, setpriv: limits.setpriv });
  const parts = { ...dependencies, allowLoopback: false, sqliteFiles, limits };
  let running: RunningContextTool | undefined;
  const follower = new ConfigFollower({
    read: createRead(settings.file, dependencies),
    file: settings.file,
    apply,
    moduleFiles: () => running?.moduleFiles() ?? [],
    onProblems: (problems) => running?.tellProblems(problems),
    clock,
  });
  await follower.look();
  if (running === undefined) throw new ConfigurationRefused(follower);
  const { ready, stop } = running as RunningContextTool;
  const following = follower.run(stopping.signal);
  return {
    ready,
    async stop(remainingMs) {
      stopping.abort();
      await Promise.all([stop(remainingMs), following]);
    },
  };

  async function apply({ config }: NewState): Promise<readonly Problem[]> {
    if (running !== undefined) return running.replace(config);
    const listen = settings.listenGiven ? settings.listen : (config.listen ?? settings.listen);
    running = await start(config, { ...settings, listen }, parts);
    return [];
  }
}

function createRead(
  file: string,
  { env, workingFolder }: Pick<FollowingDependencies, 'env' | 'workingFolder'>,
): () => ReadConfig {
  const read = createConfigReader();
  const secrets = createSecrets(env);
  return () => read({ file, workingFolder, sqlite: 'absolute', secrets });
}
