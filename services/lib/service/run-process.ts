/**
 * A process that serves, from its settings to its exit code: log, metrics, signals, shutdown.
 *
 * The process itself comes as an argument: only main.ts touches it.
 */
import { randomBytes } from 'node:crypto';
import { loadServices, type Services } from '#protos/load.ts';
import { systemClock } from '../clock.ts';
import type { Environment } from '../config/env-reader.ts';
import type { ServerTlsFiles } from '../config/tls-files.ts';
import { observeCertificateExpiry } from '../observe/certificate-expiry.ts';
import { createLogger, type LogLevel } from '../observe/logger.ts';
import { createMetrics } from '../observe/metrics.ts';
import { endFailed, type HostProcess } from './host-process.ts';
import { endOnSignals, Shutdown, type ShutdownStep } from './shutdown.ts';
import type { ServiceRuntime } from './start-service.ts';

export interface ProcessSettings {
  readonly logLevel: LogLevel;
  /** Of its own server. */
  readonly tls?: ServerTlsFiles | undefined;
}

/** What is handed to whatever runs in the process. */
export interface ProcessRuntime extends ServiceRuntime {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Cryptographically strong. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly protos: Services;
  /** For what the service uses: it is closed after the service has stopped. */
  open<Opened extends Closable>(name: string, opening: Promise<Opened>): Promise<Opened>;
}

export interface Closable {
  close(): Promise<void> | void;
}

export interface RunningProcess {
  /** A rejection ends the process. */
  readonly ready?: Promise<void>;
  /** Resolves to the exit code when the process must end at once, whatever is still running. Never rejects. */
  readonly ended?: Promise<number>;
  /** `remainingMs` is what is left of the time for the whole shutdown. */
  stop(remainingMs: number): Promise<void>;
}

export interface ProcessOptions<Settings extends ProcessSettings> {
  /** The component, for example "registry": in its log, in its metrics and before its errors. */
  readonly name: string;
  /** @throws ConfigError */
  readonly readConfig: (env: Environment) => Settings;
  /** PEM files whose end is shown as a metric, beside those of its own server; what is not set is left out. */
  readonly certificates?: (settings: Settings) => readonly (string | undefined)[];
  readonly start: (settings: Settings, runtime: ProcessRuntime) => Promise<RunningProcess>;
}

/** Resolves when it is ready. Signals end it with 0, with 1 when something did not stop; a start that fails with 1. */
export async function runProcess<Settings extends ProcessSettings>(
  host: HostProcess,
  options: ProcessOptions<Settings>,
): Promise<void> {
  const { name, readConfig, start } = options;
  const steps: ShutdownStep[] = [];
  let isEnding = () => false;
  try {
    const settings = readConfig(host.env);
    const log = createLogger({ service: name, level: settings.logLevel });
    const shutdown = new Shutdown({ steps, clock: systemClock, log, exit: (code) => host.exit(code) });
    isEnding = () => shutdown.started;
    endOnSignals(host, shutdown, log);
    const metrics = createProcessMetrics(options, settings);
    const running = await start(settings, { ...createTools(steps), log, metrics });
    steps.unshift({ name, run: (remainingMs) => running.stop(remainingMs) });
    running.ended?.then((code) => host.exit(code)).catch((error: unknown) => endFailed(host, name, error));
    await running.ready;
  } catch (error) {
    // What is closed under a start fails it; the shutdown has the last word.
    if (!isEnding()) endFailed(host, name, error);
  }
}

function createProcessMetrics<Settings extends ProcessSettings>(
  { name, certificates }: ProcessOptions<Settings>,
  settings: Settings,
) {
  const metrics = createMetrics({ service: name });
  const { certificateFile, clientCaFile } = settings.tls ?? {};
  observeCertificateExpiry(metrics, [certificateFile, clientCaFile, ...(certificates?.(settings) ?? [])]);
  return metrics;
}

function createTools(steps: ShutdownStep[]): Omit<ProcessRuntime, 'log' | 'metrics'> {
  return {
    clock: systemClock,
    random: Math.random,
    randomBytes,
    protos: loadServices(),
    async open(name, opening) {
      const opened = await opening;
      steps.unshift({ name, run: () => opened.close() });
      return opened;
    },
  };
}
