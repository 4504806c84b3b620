/** What one part of `mcp2 up` says of itself; `../parts.ts` lists them. */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { Environment } from '#lib/config/env-reader.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import type { Logger } from '#lib/logger.ts';
import type { Store } from '#lib/store/store.ts';
import type { Services } from '#protos/load.ts';
import type { FileProblem } from '../../../operator/source/resource-file.ts';
import type { RuntimeFiles } from '../../../operator/source/runtime-files.ts';
import type { ListedServer } from '../../servers.ts';
import type { Signer } from '../../state/keys.ts';
import type { Terminal } from '../../terminal.ts';
import type { UpOptions } from '../options.ts';

export interface Part {
  /** The component, in its log and its metrics. */
  readonly name: string;
  /** What its line is called in the list of what runs. */
  readonly title: string;
  /** Finds its port and says what is unusual about it. */
  readonly choosePort?: (options: UpOptions, terminal: Terminal) => Promise<number>;
  /** @param port 0 for a part without `choosePort`. @throws UserError */
  readonly start: (context: PartContext, port: number) => Promise<RunningPart>;
}

/** What the parts share; log and metrics are the part's own. */
export interface PartContext {
  readonly state: StateFolder;
  readonly store: Store;
  readonly signer: Signer;
  /** Of the process: secrets of configurations may be in it. */
  readonly env: Environment;
  /** Who runs the servers that files of the folder configure: of the parts that were started before. */
  readonly runtimeFiles: RuntimeFiles;
  /** host:port of the event bus; undefined for the parts before it. */
  readonly eventBus: string | undefined;
  /** The folder of YAML files, and as people see it. */
  readonly files: string;
  readonly shownFiles: string;
  /** The text of the custom resource definition. */
  readonly definition: string;
  readonly protos: Services;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: Registry;
}

export interface RunningPart {
  /** Its line in the list of what runs; "" for none. */
  readonly shown: string;
  /** host:port where other commands find it. */
  readonly address?: string;
  /** Resolves when it serves. */
  readonly ready?: Promise<void>;
  /** For the operator: it runs servers that files configure. */
  readonly runtimeFiles?: RuntimeFiles;
  /** The files whose servers have not been tried yet. */
  starting?(): readonly string[];
  /** The servers that it knows. */
  servers?(): readonly ListedServer[];
  /** What is wrong with the files now. */
  problems?(): readonly FileProblem[];
  /** Resolves when another process took its place. Never rejects. */
  readonly replaced?: Promise<void>;
  stop(): Promise<void>;
}

/** Enough for a call that is running; the whole end takes at most 2 s. */
export const DRAIN_MS = 500;
