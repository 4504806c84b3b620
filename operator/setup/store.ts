/**
 * The task `store`: users and rights in the bundled etcd, and its access control switched on. Also looks after the trust
 * ConfigMaps once more, because the certificates of others may have come only after `prepare`.
 *
 * etcd starts at the same time as this job, so it is waited for, as long as the task has time.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { hasReason } from '#lib/errors.ts';
import { connectEtcdAccess, type EtcdAccess, isAccessRefused, type StoreUser } from '#lib/store/etcd/access.ts';
import type { SetupConfig } from './config.ts';
import { installationIdOf } from './installation-id.ts';
import { ETCD_ROOT_USER, etcdUserOf } from './object-names.ts';
import type { ObjectAccess } from './owned-object.ts';
import { refreshTrust } from './prepare.ts';
import { SetupError } from './setup-error.ts';
import { keyRightsOf } from './store-rights.ts';

export interface StoreDependencies {
  readonly access: ObjectAccess;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Between two looks at what is not there yet. */
const RETRY_MS = 1_000;
/** For an issuer of others to issue; after that, the daily run looks. */
const TRUST_PATIENCE_MS = 60_000;

/** @throws SetupError that says what to put right, KubeApiError */
export async function setUpStore(config: SetupConfig, dependencies: StoreDependencies): Promise<void> {
  const { access } = dependencies;
  const isPublished = await refreshTrust(config, access);
  if (config.hasBundledEtcd) await setUpAccess(config, dependencies);
  else access.log.info({}, 'etcd is not part of this release: its users and rights are its owner’s');
  if (!isPublished) await publishTrustLater(config, dependencies);
}

/** Without it clients would wait for the next daily run, though the authority came a moment after this job. */
async function publishTrustLater(config: SetupConfig, { access, clock }: StoreDependencies): Promise<void> {
  const endMs = clock.monotonicMs() + TRUST_PATIENCE_MS;
  while (!(await refreshTrust(config, access)) && clock.monotonicMs() < endMs) {
    await clock.sleep(RETRY_MS, access.signal);
  }
}

async function setUpAccess(config: SetupConfig, dependencies: StoreDependencies): Promise<void> {
  const { access } = dependencies;
  const users = await wantedUsers(config, access);
  const etcd = connect(config, dependencies);
  try {
    const changes = await untilDone(dependencies, () => applyOnce(etcd, users));
    for (const change of changes) access.log.info({ change }, 'access to etcd changed');
    access.log.info({ users: users.map(({ name }) => name), changes: changes.length }, 'access to etcd is set up');
  } finally {
    etcd.close();
  }
}

async function wantedUsers(config: SetupConfig, access: ObjectAccess): Promise<readonly StoreUser[]> {
  const installationId = await installationIdOf(config, access);
  const { storeUsers, storeRights, storePrefix: prefix } = config;
  return storeUsers.map((component) => ({
    name: etcdUserOf(component),
    rights: keyRightsOf(component, storeRights, { prefix, installationId }),
  }));
}

function connect({ etcd }: SetupConfig, { clock, random }: StoreDependencies): EtcdAccess {
  const { caFile, certificateFile, keyFile } = etcd?.tls ?? {};
  if (etcd === undefined || caFile === undefined || certificateFile === undefined || keyFile === undefined) {
    throw new ConfigError(['store needs MCP2_ETCD_ENDPOINTS and its three files']);
  }
  const tls = {
    ca: readFileSync(caFile),
    certificate: readFileSync(certificateFile),
    key: readFileSync(keyFile),
  };
  return connectEtcdAccess({ endpoints: etcd.endpoints, tls, clock, random });
}

async function applyOnce(etcd: EtcdAccess, users: readonly StoreUser[]): Promise<readonly string[]> {
  await etcd.probe();
  return etcd.apply(users, ETCD_ROOT_USER);
}

/** A line for each try, so that whoever looks at the job sees what it waits for. */
async function untilDone<T>({ access, clock }: StoreDependencies, attempt: () => Promise<T>): Promise<T> {
  const { signal, log } = access;
  const startedMs = clock.monotonicMs();
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (isAccessRefused(error)) {
        throw new SetupError(
          `etcd refuses this job's certificate: its common name must be ${ETCD_ROOT_USER}, and its authority etcd's own`,
          { cause: error },
        );
      }
      if (!hasReason(error, 'STORE_UNAVAILABLE')) throw error;
      const waitedSeconds = Math.round((clock.monotonicMs() - startedMs) / 1000);
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      log.info({ waitedSeconds, why }, 'waiting for etcd to answer');
    }
    await clock.sleep(RETRY_MS, signal);
  }
}
