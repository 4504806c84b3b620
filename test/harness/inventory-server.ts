/** The servers of examples/inventory in this process, each from its own file, as `mcp2 up` starts them. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, systemClock } from '#lib/clock.ts';
import { silentLogger } from '#lib/logger.ts';
import { lookUpBySystem } from '#lib/net/name-lookup.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { loadServices } from '#protos/load.ts';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import { readConfig } from '../../services/context-tool/config.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import { findLimits } from '../../services/context-tool/modules/process-limits.ts';
import type { OwnEventBus } from '../../services/context-tool/outbox/publishing.ts';
import { type RunningContextTool, start } from '../../services/context-tool/start.ts';
import { INVENTORY } from './mcp2-command.ts';

export interface InventoryServerOptions {
  /** "inventory.yaml", "replica.yaml" or "pricing.yaml". */
  readonly file: string;
  /** Below it lies the database; servers of one folder share it. */
  readonly folder: string;
  /** Settings of the process; MCP2_CONTEXT_TOOL_CONFIG is set. */
  readonly env: Readonly<Record<string, string>>;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: it finds none. */
  readonly ownEventBus?: OwnEventBus;
}

/** @throws what starting it throws */
export async function startInventoryServer(options: InventoryServerOptions): Promise<RunningContextTool> {
  const { folder, env, clock = systemClock, ownEventBus } = options;
  const file = join(INVENTORY, options.file);
  const read = createConfigReader();
  const { config, problems } = read({ file, workingFolder: INVENTORY, sqlite: { below: folder } });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const limits = await findLimits();
  return start(config, readConfig({ ...env, MCP2_CONTEXT_TOOL_CONFIG: file }), {
    ...{ clock, limits, random: Math.random, randomBytes, env: {}, lookup: lookUpBySystem, allowLoopback: true },
    log: silentLogger,
    metrics: createMetrics({ service: 'context-tool', process: false }),
    protos: loadServices(),
    ownEventBus,
    sqliteFiles: new SqliteFiles({ clock, log: silentLogger, setpriv: limits.setpriv }),
  });
}
