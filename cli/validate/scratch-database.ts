/**
 * An SQLite database for a check that changes nothing: with the tables of the configuration's own file where that is there,
 * else made by its scripts.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { onOneLine } from '#lib/printable.ts';
import type { SqliteConfig } from '../../services/context-tool/config/runtime-config.ts';
import { tableText } from '../../services/context-tool/database/sqlite/table-text.ts';

export interface ScratchOptions {
  /** Of the configuration: relative paths of databases were looked for from it. */
  readonly configFolder: string;
  /** Where `mcp2 up` keeps databases. */
  readonly databases: string;
  /** Empty, and nobody else's. */
  readonly folder: string;
  /** Of another configuration in the same check that names the same file and can make it. */
  readonly otherInit: readonly string[];
}

/** @returns what is wrong instead */
export function scratchDatabase(config: SqliteConfig, options: ScratchOptions): SqliteConfig | string {
  const { folder, otherInit } = options;
  const file = join(folder, 'scratch.db');
  const own = [config.file, join(options.databases, relative(options.configFolder, config.file))].find(existsSync);
  if (own === undefined) {
    const init = config.init.length > 0 ? config.init : otherInit;
    if (init.length > 0) return { ...config, file, init };
    return `${onOneLine(config.file)} does not exist and there is no "init" to make it`;
  }
  try {
    const tables = join(folder, 'tables.sql');
    writeFileSync(tables, tableText(own));
    return { ...config, file, init: [tables] };
  } catch (error) {
    return `${onOneLine(own)} cannot be read as an SQLite database: ${onOneLine((error as Error).message)}`;
  }
}
