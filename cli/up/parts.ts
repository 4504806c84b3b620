/**
 * The parts of `mcp2 up`: what runs in its one process beside the store. Everything about a part is in its own file;
 * here they are started in order, each with its own log and metrics, and ended newest first.
 *
 * Settings are read through each service's own `readConfig`, so that its defaults hold here too.
 */
import type { Connection } from '#lib/config/connection-file.ts';
import type { Logger } from '#lib/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import type { ShutdownStep } from '#lib/service/shutdown.ts';
import { atMost } from '#lib/time-limit.ts';
import { noRuntimeFiles } from '../../operator/source/runtime-files.ts';
import type { Terminal } from '../terminal.ts';
import type { UpOptions } from './options.ts';
import { contextToolPart } from './parts/context-tool.ts';
import { eventBusPart } from './parts/event-bus.ts';
import { operatorPart } from './parts/operator.ts';
import type { Part, PartContext, RunningPart } from './parts/part.ts';
import { registryPart } from './parts/registry.ts';

/** In the order in which they start: servers publish to the event bus, and the operator asks the servers. */
const PARTS: readonly Part[] = [registryPart, eventBusPart, contextToolPart, operatorPart];

/** A part may wait for a store that is away; closing the store, the last step, ends that wait. */
const STOP_MS = 600;

export interface PlannedPart {
  readonly part: Part;
  readonly port: number;
}

/** @throws CommandFailed for a port that was named and is in use. */
export async function planParts(options: UpOptions, terminal: Terminal): Promise<readonly PlannedPart[]> {
  const planned: PlannedPart[] = [];
  for (const part of PARTS) {
    const port = part.choosePort === undefined ? 0 : await part.choosePort(options, terminal);
    planned.push({ part, port });
  }
  return planned;
}

export interface StartPartsOptions extends Omit<PartContext, 'log' | 'metrics' | 'runtimeFiles' | 'eventBus'> {
  readonly logOf: (service: string) => Logger;
  /** Gets the step that ends a part as soon as the part runs. */
  readonly onStarted: (step: ShutdownStep) => void;
}

export interface StartedPart {
  readonly part: Part;
  readonly running: RunningPart;
}

/** @throws UserError */
export async function startParts(
  planned: readonly PlannedPart[],
  { logOf, onStarted, ...shared }: StartPartsOptions,
): Promise<readonly StartedPart[]> {
  const started: StartedPart[] = [];
  for (const { part, port } of planned) {
    const { name } = part;
    const metrics = createMetrics({ service: name, process: false });
    const runtimeFiles = started.find((one) => one.running.runtimeFiles)?.running.runtimeFiles ?? noRuntimeFiles();
    const eventBus = addressOf(started, eventBusPart);
    const context = { ...shared, runtimeFiles, eventBus, log: logOf(name), metrics };
    const running = await part.start(context, port);
    const run = async () => {
      await atMost(STOP_MS, running.stop(), shared.clock);
    };
    onStarted({ name, run });
    started.push({ part, running });
  }
  return started;
}

/** host:port of a part that runs; undefined where it does not. */
function addressOf(parts: readonly StartedPart[], part: Part): string | undefined {
  return parts.find((one) => one.part === part)?.running.address;
}

/** Where other commands find them. */
export function addressesOf(parts: readonly StartedPart[]): Pick<Connection, 'registry' | 'eventBus'> {
  const eventBus = addressOf(parts, eventBusPart);
  return { registry: addressOf(parts, registryPart) ?? '', ...(eventBus === undefined ? {} : { eventBus }) };
}
