/**
 * The parts of `mcp2 up`, started one after the other in one process: registry, sample server, operator over files.
 *
 * Settings are read through each service's own `readConfig`, so that its defaults hold here too.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import type { ShutdownStep } from '#lib/service/shutdown.ts';
import type { RunningService } from '#lib/service/start-service.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { atMost } from '#lib/time-limit.ts';
import { loadServices } from '#protos/load.ts';
import { type FileOperator, startFileOperator } from '../../operator/start-files.ts';
import { readConfig as readRegistryConfig } from '../../services/registry/config.ts';
import { start as startRegistry } from '../../services/registry/start.ts';
import { readConfig as readSampleConfig } from '../../services/sample/config.ts';
import { start as startSample } from '../../services/sample/start.ts';
import { CommandFailed } from '../failure.ts';
import { listServers } from '../servers.ts';
import type { StateFolder } from '../state/folder.ts';
import type { Signer } from '../state/keys.ts';

export interface ServicesOptions {
  readonly state: StateFolder;
  readonly store: Store;
  readonly signer: Signer;
  /** The folder of YAML files. */
  readonly files: string;
  /** The text of the custom resource definition. */
  readonly definition: string;
  readonly registryPort: number;
  /** Undefined = no sample server. */
  readonly samplePort: number | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logOf: (service: string) => Logger;
  /** Gets the step that ends a part as soon as the part runs. */
  readonly onStarted: (step: ShutdownStep) => void;
}

export interface RunningServices {
  readonly registry: RunningService;
  readonly sample: RunningService | undefined;
  readonly operator: FileOperator;
}

export const SAMPLE_SERVER_NAME = 'InventoryDB_Primary';
/** Enough for a call that is running; the whole end takes at most 2 s. */
const DRAIN_MS = 500;
/** A part may wait for a store that is away; closing the store, the last step, ends that wait. */
const STOP_MS = 600;

/** @throws ListenError, or the error of a folder or file that cannot be read. */
export async function startServices(options: ServicesOptions): Promise<RunningServices> {
  const protos = loadServices();
  const registry = await startRegistryPart(options, protos);
  const sample = options.samplePort === undefined ? undefined : await startSamplePart(options, protos);
  const operator = await startOperatorPart(options, protos);
  return { registry, sample, operator };
}

type Protos = ReturnType<typeof loadServices>;

async function startRegistryPart(options: ServicesOptions, protos: Protos): Promise<RunningService> {
  const { state, signer, store, clock, random, logOf, registryPort, onStarted } = options;
  const config = readRegistryConfig({
    MCP2_LISTEN: `127.0.0.1:${registryPort}`,
    MCP2_ISSUER: signer.issuer,
    MCP2_JWKS_FILE: state.jwks,
    MCP2_REGISTRY_STORE_DIR: state.store,
    MCP2_REGISTRY_ALLOW_LOOPBACK: 'true',
  });
  const metrics = createMetrics({ service: 'registry', process: false });
  const dependencies = { store, clock, random, randomBytes, log: logOf('registry'), metrics, protos };
  const registry = await startRegistry(config, dependencies);
  onStarted({ name: 'registry', run: () => stopped(registry.stop(DRAIN_MS), clock) });
  return registry;
}

async function startSamplePart(options: ServicesOptions, protos: Protos): Promise<RunningService> {
  const { state, signer, clock, logOf, samplePort, onStarted } = options;
  const config = readSampleConfig({
    MCP2_LISTEN: `127.0.0.1:${samplePort}`,
    MCP2_SAMPLE_SERVER_NAME: SAMPLE_SERVER_NAME,
    MCP2_ISSUER: signer.issuer,
    MCP2_JWKS_FILE: state.jwks,
  });
  const metrics = createMetrics({ service: 'sample', process: false });
  const sample = await startSample(config, { clock, log: logOf('sample'), metrics, protos });
  onStarted({ name: 'sample server', run: () => stopped(sample.stop(DRAIN_MS), clock) });
  return sample;
}

async function startOperatorPart(options: ServicesOptions, protos: Protos): Promise<FileOperator> {
  const { state, signer, store, clock, random, files, definition, logOf, onStarted } = options;
  listServers(state); // Says what to do when the state cannot be read.
  const operator = await startFileOperator({
    directory: files,
    statePath: state.servers,
    store,
    keys: createKeys(),
    issuer: signer.issuer,
    signingKey: signer.key,
    services: protos,
    definition,
    clock,
    random,
    log: logOf('operator'),
    metrics: createMetrics({ service: 'operator', process: false }),
  }).catch((cause: Error) => {
    throw new CommandFailed(`the files in ${files} cannot be read: ${cause.message}`, { cause });
  });
  onStarted({ name: 'operator', run: () => stopped(operator.stop(), clock) });
  return operator;
}

async function stopped(stopping: Promise<void>, clock: Clock): Promise<void> {
  await atMost(STOP_MS, stopping, clock);
}
