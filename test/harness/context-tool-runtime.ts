/** The context-tool in this process, from a folder of files; a test says when it reloads. Upstreams on loopback are allowed. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '#lib/clock.ts';
import { lookUpBySystem } from '#lib/net/name-lookup.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { loadServices } from '#protos/load.ts';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import type { Problem, RuntimeConfig } from '../../services/context-tool/config/runtime-config.ts';
import { createSecrets } from '../../services/context-tool/config/secrets.ts';
import { SqliteFiles } from '../../services/context-tool/database/sqlite/sqlite-files.ts';
import { findLimits } from '../../services/context-tool/modules/process-limits.ts';
import { type RunningContextTool, start } from '../../services/context-tool/start.ts';
import { type ContextToolCalls, openCalls, type Texts } from './context-tool-calls.ts';
import { createWorkspace } from './processes.ts';
import { createTokens, ISSUER, type TestTokens } from './registry-fixture.ts';

export interface TestRuntime extends AsyncDisposable {
  readonly folder: string;
  readonly running: RunningContextTool;
  readonly calls: ContextToolCalls;
  readonly tokens: TestTokens;
  /** Every line that was logged. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  write(files: Texts): void;
  /** Puts in force what is in the files. @returns what is wrong with it */
  reload(): Promise<readonly Problem[]>;
  /** Over all labels that are not named. */
  metric(name: string, labels?: Texts): Promise<number>;
}

export interface RuntimeSetup {
  /** By name; server.yaml is the configuration. SQLite files lie below the folder "state". */
  readonly files: Texts;
  /** Default: one of its own. */
  readonly folder?: string;
  /** Default: "Stock". */
  readonly serverName?: string;
  /** Where `fromEnv` secrets are read. */
  readonly env?: Record<string, string>;
  readonly clock?: Clock;
}

export async function startRuntime(setup: RuntimeSetup): Promise<TestRuntime> {
  const { files, serverName = 'Stock', env = {}, clock = systemClock } = setup;
  const { folder = createWorkspace('runtime').folder } = setup;
  const write: TestRuntime['write'] = (texts) => {
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  };
  write(files);
  const read = createRead(folder, env);
  const config = read();
  if (!('server' in config)) throw new Error(JSON.stringify(config));
  const tokens = await createTokens();
  const log: Readonly<Record<string, unknown>>[] = [];
  const stream = { write: (line: string) => void log.push(JSON.parse(line)) };
  const logger = createLogger({ service: 'test', level: 'debug', stream });
  const metrics = createMetrics({ service: 'test', process: false });
  const limits = await findLimits();
  const running = await start(config, settingsOf(tokens.jwksFile), {
    ...{ clock, env, metrics, limits, randomBytes, log: logger, random: Math.random, protos: loadServices() },
    ...{ lookup: lookUpBySystem, allowLoopback: true },
    sqliteFiles: new SqliteFiles({ clock, log: logger, setpriv: limits.setpriv }),
  });
  const calls = await openCalls(`127.0.0.1:${running.port}`, serverName, tokens);
  return {
    ...{ folder, running, calls, tokens, log, write },
    async reload() {
      const next = read();
      return 'server' in next ? running.replace(next) : next;
    },
    async metric(name, labels = {}) {
      const { values = [] } = (await metrics.getMetricsAsJSON()).find((one) => one.name === name) ?? {};
      const wanted = values.filter((one) =>
        Object.entries(labels).every(([label, value]) => Object(one.labels)[label] === value),
      );
      return wanted.reduce((sum, { value }) => sum + value, 0);
    },
    async [Symbol.asyncDispose]() {
      calls[Symbol.dispose]();
      await running.stop(0);
    },
  };
}

function createRead(folder: string, env: Texts): () => RuntimeConfig | readonly Problem[] {
  const read = createConfigReader();
  const file = join(folder, 'server.yaml');
  const secrets = createSecrets(env);
  return () => {
    const { config, problems } = read({
      file,
      workingFolder: folder,
      sqlite: { below: join(folder, 'state') },
      secrets,
    });
    return config ?? problems ?? [];
  };
}

function settingsOf(jwksFile: string) {
  const trust = { issuer: ISSUER, jwksFile, jwksUrl: undefined, developmentSecret: undefined };
  return { listen: '127.0.0.1:0', opsListen: undefined, tls: undefined, trust };
}
