/** Settings of the event bus: those of every service, and its own, which begin with MCP2_EVENT_BUS_. */
import { resolve } from 'node:path';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { readServiceSettings, type ServiceSettings } from '#lib/service/settings.ts';
import type { LogSettings } from './log/settings.ts';
import type { QuotaSettings } from './quota-settings.ts';

/** What `start` needs; the log comes as a dependency. */
export interface EventBusConfig extends ServiceSettings {
  readonly quotas: QuotaSettings;
  /** Of the newest events in memory. */
  readonly tailBytes: number;
  /** A reader that takes nothing for so long is ended. */
  readonly slowConsumerAfterMs: number;
  /** YAML or JSON: which payloads topics allow; absolute. */
  readonly schemasFile: string | undefined;
}

export interface EventBusProcessConfig extends EventBusConfig {
  readonly log: LogSettings;
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): EventBusProcessConfig {
  const read = new EnvReader(env);
  const schemasFile = read.optional('MCP2_EVENT_BUS_SCHEMAS_FILE');
  const config: EventBusProcessConfig = {
    ...readServiceSettings(read, { listen: '0.0.0.0:50052' }),
    quotas: readQuotas(read),
    tailBytes: read.integer('MCP2_EVENT_BUS_TAIL_BYTES', { fallback: 64 * MIB, min: MIB, max: 4096 * MIB }),
    slowConsumerAfterMs: read.durationMs('MCP2_EVENT_BUS_SLOW_CONSUMER_AFTER', {
      fallback: 60_000,
      min: 1_000,
      max: HOUR_MS,
    }),
    schemasFile: schemasFile === undefined ? undefined : resolve(schemasFile),
    log: readLog(read),
  };
  read.check();
  return Object.freeze(config);
}

function readQuotas(read: EnvReader): QuotaSettings {
  return {
    publishesPerSecond: read.integer('MCP2_EVENT_BUS_QUOTA_PUBLISHES', { fallback: 1_000, min: 1, max: 1e9 }),
    publishBurst: read.integer('MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST', { fallback: 2_000, min: 1, max: 1e9 }),
    bytesPerSecond: read.integer('MCP2_EVENT_BUS_QUOTA_BYTES', { fallback: 8 * MIB, min: 1024, max: 1e12 }),
    byteBurst: read.integer('MCP2_EVENT_BUS_QUOTA_BYTE_BURST', { fallback: 16 * MIB, min: 512 * 1024, max: 1e12 }),
    subscriptions: read.integer('MCP2_EVENT_BUS_QUOTA_SUBSCRIPTIONS', { fallback: 200, min: 1, max: 1e6 }),
    newTopicsPerMinute: read.integer('MCP2_EVENT_BUS_QUOTA_NEW_TOPICS', { fallback: 100, min: 1, max: 1e6 }),
  };
}

function readLog(read: EnvReader): LogSettings {
  return {
    folder: resolve(read.required('MCP2_EVENT_BUS_LOG_DIR')),
    retentionMs: read.durationMs('MCP2_EVENT_BUS_RETENTION', {
      fallback: 168 * HOUR_MS,
      min: 1_000,
      max: 10_000 * HOUR_MS,
    }),
    retentionBytes: read.integer('MCP2_EVENT_BUS_RETENTION_BYTES', {
      fallback: 10 * 1024 * MIB,
      min: MIB,
      max: Number.MAX_SAFE_INTEGER,
    }),
    retentionEventsPerTopic: read.integer('MCP2_EVENT_BUS_RETENTION_EVENTS_PER_TOPIC', {
      fallback: 0,
      min: 0,
      max: 1e9,
    }),
    dedupWindowMs: read.durationMs('MCP2_EVENT_BUS_DEDUP_WINDOW', { fallback: 120_000, min: 120_000, max: HOUR_MS }),
    maxTopics: read.integer('MCP2_EVENT_BUS_MAX_TOPICS', { fallback: 100_000, min: 1, max: 1_000_000 }),
    durablesPerOwner: read.integer('MCP2_EVENT_BUS_QUOTA_DURABLES', { fallback: 100, min: 1, max: 10_000 }),
  };
}
