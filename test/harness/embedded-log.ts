/** The embedded event log in this process, for one test: closed at its end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { type EmbeddedLogDependencies, openEmbeddedLog } from '../../services/event-bus/log/embedded/open-log.ts';
import type { EventLog } from '../../services/event-bus/log/event-log.ts';
import type { LogSettings } from '../../services/event-bus/log/settings.ts';

const HOUR_MS = 3_600_000;

/** Bounds that no test reaches by chance. */
export function logSettings(folder: string, settings: Partial<LogSettings> = {}): LogSettings {
  return {
    folder,
    retentionMs: 168 * HOUR_MS,
    retentionBytes: 1024 * 1024 * 1024,
    retentionEventsPerTopic: 0,
    dedupWindowMs: 120_000,
    maxTopics: 100_000,
    durablesPerOwner: 100,
    ...settings,
  };
}

/** Removed at the end of the test. */
export async function logFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-log-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'log');
}

export async function openLog(
  settings: LogSettings,
  dependencies: Partial<EmbeddedLogDependencies> = {},
): Promise<EventLog> {
  const log = await openEmbeddedLog(settings, { clock: systemClock, log: silentLogger, ...dependencies });
  onTestFinished(() => log.close());
  return log;
}
