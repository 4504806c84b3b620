/**
 * The operator over a folder of YAML files: standalone mode. The same core as in a cluster, without an election; the
 * write fence still makes sure that only one such process writes.
 */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { createDial } from '#lib/net/dial.ts';
import { lookUpBySystem } from '#lib/net/name-lookup.ts';
import { readSchema } from '#lib/schema/schema.ts';
import type { Keys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { mintProbeToken } from '#lib/token/mint.ts';
import type { SigningKey } from '#lib/token/signing-key.ts';
import type { Services } from '#protos/load.ts';
import { type LeadingCore, OperatorCore } from './core.ts';
import { createDiscoveryMetrics } from './discovery/metrics.ts';
import { createOperatorMetrics } from './operator-metrics.ts';
import { createHandshake } from './server/handshake.ts';
import { createMcp2ServerParser } from './server/resource.ts';
import type { FileState } from './source/file-state.ts';
import { FileSource } from './source/files.ts';
import { ResourceReader } from './source/reader/resource-reader.ts';
import type { FileProblem } from './source/resource-file.ts';
import type { RuntimeFiles } from './source/runtime-files.ts';
import { noReferences, type SourcedServer } from './source/source.ts';

/** What owns the records of standalone mode; two of them on one etcd are told apart by their fence and names only. */
export const STANDALONE_INSTALLATION = 'standalone';
/** A folder is swept often: it is cheap, and a renamed server leaves an orphan. */
const SWEEP_INTERVAL_MS = 15_000;

export interface FileOperatorOptions {
  /** The folder with *.yaml and *.yml files. */
  readonly directory: string;
  /** Who runs the servers that files of the folder configure. */
  readonly runtimeFiles: RuntimeFiles;
  /** Where uids, generations and statuses are kept. */
  readonly statePath: string;
  readonly store: Store;
  readonly keys: Keys;
  readonly issuer: string;
  readonly signingKey: SigningKey;
  readonly services: Services;
  /** The text of crds/mcp2.dev_mcp2servers.yaml. */
  readonly definition: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: Registry;
}

export interface FileOperator {
  /** What is wrong with the files now; their last good resources are in force. */
  problems(): readonly FileProblem[];
  servers(): readonly SourcedServer[];
  /** What is kept of each server, as it was saved last. */
  remembered(): FileState;
  /** Resolves when another process took the fence over; this one has stopped writing. Never rejects. */
  readonly lost: Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error that says what to do when the folder or the state cannot be read. */
export async function startFileOperator(options: FileOperatorOptions): Promise<FileOperator> {
  const { directory, statePath, runtimeFiles, clock, random, log } = options;
  const parse = createMcp2ServerParser(readSchema(options.definition));
  const onKey = (key: string) => core.enqueue(key);
  const reader = new ResourceReader({ definition: options.definition });
  const source = new FileSource({ directory, statePath, reader, runtimeFiles, clock, log, onKey });
  const core: OperatorCore = new OperatorCore({
    store: options.store,
    keys: options.keys,
    installation: STANDALONE_INSTALLATION,
    holder: `standalone-${Math.floor(random() * 2 ** 40).toString(36)}`,
    source,
    references: noReferences(),
    parse,
    allowLoopback: true,
    handshake: createFileHandshake(options),
    controlPlaneCa: () => undefined,
    clock,
    random,
    log,
    metrics: createOperatorMetrics(options.metrics, clock),
    discoveryMetrics: createDiscoveryMetrics(options.metrics),
    sweepIntervalMs: SWEEP_INTERVAL_MS,
  });
  const stop = new AbortController();
  let leading: LeadingCore;
  try {
    await source.start();
    leading = await core.lead(stop.signal);
  } catch (error) {
    await source.stop();
    await core.stop();
    throw error;
  }
  return {
    problems: () => source.problems(),
    servers: () => [...source.all()],
    remembered: () => source.remembered(),
    lost: leading.lost,
    async stop() {
      stop.abort(new Error('shutting down'));
      await source.stop();
      await leading.stop(2000);
      await core.stop();
    },
  };
}

function createFileHandshake({ services, signingKey, issuer, clock }: FileOperatorOptions) {
  const probe = { iss: issuer, sub: 'default.mcp2-operator' };
  return createHandshake({
    serviceInfo: services.ServiceInfo,
    mintProbeToken: (serverName) => mintProbeToken(signingKey, { ...probe, serverName }, { clock }),
    dial: createDial({ allowLoopback: true, lookup: lookUpBySystem }),
  });
}
