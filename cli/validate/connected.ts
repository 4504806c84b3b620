/**
 * `mcp2 validate --connect`: what only databases and modules can say, as a start would hear it. Databases are asked to parse
 * and to describe, nothing is written; modules are loaded, which runs their code.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from '#lib/logger.ts';
import { lookUpBySystem } from '#lib/net/name-lookup.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { onOneLine } from '#lib/printable.ts';
import { loadServices } from '#protos/load.ts';
import type {
  DatabaseConfig,
  Problem,
  RuntimeConfig,
  SqliteConfig,
} from '../../services/context-tool/config/runtime-config.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import { createHost } from '../../services/context-tool/host.ts';
import { findLimits, type ProcessLimits } from '../../services/context-tool/modules/process-limits.ts';
import { loadConfiguration } from '../../services/context-tool/runtime.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { scratchDatabase } from './scratch-database.ts';

export interface ConnectedCheck extends Disposable {
  /**
   * @param file As it is shown.
   * @param others All configurations of this check: one may make the database that another one names.
   */
  check(config: RuntimeConfig, file: string, others: readonly RuntimeConfig[]): Promise<readonly Problem[]>;
}

type CheckTerminal = Pick<Terminal, 'env' | 'homeFolder' | 'uid' | 'clock' | 'note'>;

/** After so long without a word people wonder. */
const SLOW_MS = 2_000;

/** @throws CommandFailed when the state folder must not be used */
export async function createConnectedCheck(terminal: CheckTerminal): Promise<ConnectedCheck> {
  const limits = await findLimits();
  const databases = join(locateState(undefined, terminal).path, 'databases');
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-validate-'));
  return {
    async check(config, file, others) {
      const heard = new Map<string, string>();
      const log = listeningLogger(heard);
      const scratch = withScratch(config, { databases, folder, others });
      if ('problems' in scratch) return scratch.problems;
      const loading = load(scratch, { terminal, limits, log });
      const { problems, unreachable } = await noteIfSlow(loading, file, terminal);
      return [...problems, ...unreachable.flatMap((name) => silent(config.databases.get(name), heard.get(name)))];
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

interface Scratch {
  readonly databases: string;
  readonly folder: string;
  readonly others: readonly RuntimeConfig[];
}

function withScratch(
  config: RuntimeConfig,
  { databases, folder, others }: Scratch,
): RuntimeConfig | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const checked = new Map<string, DatabaseConfig>();
  for (const [name, database] of config.databases) {
    if (database.kind === 'postgres') {
      checked.set(name, database);
      continue;
    }
    const options = {
      ...{ configFolder: dirname(config.file), databases },
      folder: mkdtempSync(join(folder, 'database-')),
      otherInit: initOf(database, others),
    };
    const scratch = scratchDatabase(database, options);
    if (typeof scratch === 'string') problems.push({ ...database.place, message: scratch });
    else checked.set(name, scratch);
  }
  return problems.length > 0 ? { problems } : { ...config, databases: checked };
}

function initOf({ file }: SqliteConfig, others: readonly RuntimeConfig[]): readonly string[] {
  const same = others.flatMap(({ databases }) =>
    [...databases.values()].filter((one): one is SqliteConfig => one.kind === 'sqlite' && one.file === file),
  );
  return same.find(({ init }) => init.length > 0)?.init ?? [];
}

interface LoadTools {
  readonly terminal: CheckTerminal;
  readonly limits: ProcessLimits;
  readonly log: Logger;
}

interface Heard {
  readonly problems: readonly Problem[];
  readonly unreachable: readonly string[];
}

async function load(config: RuntimeConfig, { terminal, limits, log }: LoadTools): Promise<Heard> {
  const { clock, env } = terminal;
  const host = createHost({
    ...{ clock, env, log, limits, random: Math.random, lookup: lookUpBySystem, allowLoopback: true },
    metrics: createMetrics({ service: 'validate', process: false }),
    protos: loadServices(),
    sqliteFiles: new SqliteFiles({ clock, log, setpriv: limits.setpriv }),
  });
  const over = new AbortController();
  try {
    const loaded = await loadConfiguration(config, host, over.signal);
    if ('problems' in loaded) return { problems: loaded.problems, unreachable: [] };
    const { sources, unreachable } = loaded;
    over.abort(new Error('the check is over'));
    await sources.close(over.signal);
    return { problems: [], unreachable };
  } finally {
    host.close();
  }
}

async function noteIfSlow<T>(work: Promise<T>, file: string, { clock, note }: CheckTerminal): Promise<T> {
  const done = new AbortController();
  clock.sleep(SLOW_MS, done.signal).then(
    () => note(`Waiting for the databases and modules of ${onOneLine(file)} …`),
    () => undefined,
  );
  return work.finally(() => done.abort());
}

function silent(database: DatabaseConfig | undefined, why: string | undefined): readonly Problem[] {
  if (database === undefined) return [];
  const reason = why === undefined ? '' : `: ${why}`;
  return [{ ...database.place, message: `the database does not answer${reason}; its statements were not checked` }];
}

/** Keeps what was last said of each database: why it cannot be reached is told to nobody but the log. */
function listeningLogger(heard: Map<string, string>): Logger {
  const stream = {
    write(line: string) {
      const { database, message, err } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      const said = message ?? Object(err).message;
      if (typeof database === 'string' && typeof said === 'string') heard.set(database, said);
    },
  };
  return createLogger({ service: 'validate', level: 'info', stream });
}
