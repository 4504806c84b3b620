/** A process that does one thing and ends, as the chart's jobs do. Signals end it as they end any process. */
import { type Clock, systemClock } from '../clock.ts';
import type { Environment } from '../config/env-reader.ts';
import type { Logger } from '../logger.ts';
import { createLogger, type LogLevel } from '../observe/logger.ts';
import { endFailed, type HostProcess } from './host-process.ts';

export interface JobSettings {
  readonly logLevel: LogLevel;
}

export interface JobRuntime {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

export interface JobOptions<Settings extends JobSettings> {
  /** In its log and before its errors. */
  readonly name: string;
  /** @throws ConfigError */
  readonly readConfig: (env: Environment) => Settings;
  /** @returns the exit code. */
  readonly run: (settings: Settings, runtime: JobRuntime) => Promise<number>;
}

export async function runJob<Settings extends JobSettings>(
  host: Pick<HostProcess, 'env' | 'stderr' | 'exit'>,
  { name, readConfig, run }: JobOptions<Settings>,
): Promise<void> {
  try {
    const settings = readConfig(host.env);
    const log = createLogger({ service: name, level: settings.logLevel });
    host.exit(await run(settings, { clock: systemClock, random: Math.random, log }));
  } catch (error) {
    endFailed(host, name, error);
  }
}
