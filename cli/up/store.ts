/** The store of `mcp2 up`: the embedded one in the state folder, or a real etcd (`--etcd`). */
import type { Clock } from '#lib/clock.ts';
import { readConnection } from '#lib/config/connection-file.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { StoreFolderError } from '#lib/store/embedded/errors.ts';
import { claimFolder } from '#lib/store/embedded/folder.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { Store } from '#lib/store/store.ts';
import { CommandFailed } from '../failure.ts';

export interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

export interface StoreDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Also makes sure that no other `mcp2 up` uses the state folder.
 *
 * @throws CommandFailed, or ServiceError ARGUMENT_INVALID for an etcd URL that cannot be
 */
export async function openStore(
  state: StateFolder,
  etcd: string | undefined,
  { clock, random }: StoreDependencies,
): Promise<OpenedStore> {
  try {
    if (etcd === undefined) {
      const store = await openEmbeddedStore({ directory: state.store, clock });
      return { store, close: () => store.close() };
    }
    // The folder still holds the key and the status of the files, which two processes would overwrite for each other.
    const claim = claimFolder(state.store);
    const store = connectEtcdStore({ endpoints: etcd.split(','), clock, random });
    return { store, close: () => store.close().finally(() => claim.release()) };
  } catch (error) {
    throw error instanceof StoreFolderError ? explain(error, state) : error;
  }
}

/** The store knows its own folder only; people named, or never heard of, the one around it. */
function explain(error: StoreFolderError, state: StateFolder): CommandFailed {
  const running = error.isInUse ? readConnection(state.connection) : undefined;
  if (running === undefined) return new CommandFailed(`${error.message} (--state DIR names another state folder)`);
  return new CommandFailed(
    `"mcp2 up" already runs with the state folder ${state.path} (process ${running.pid}, registry at ${running.registry}): stop it, or name another folder with --state DIR`,
    { cause: error },
  );
}
