/**
 * The servers of `mcp2 up` that configuration files in its folder make. Which files those are, the operator says, which
 * reads the folder; it is told where they listen.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { lookUpBySystem } from '#lib/net/name-lookup.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser } from '../../../operator/server/resource.ts';
import { createConfigReader } from '../../../services/context-tool/config/read-config.ts';
import { createSecrets } from '../../../services/context-tool/config/secrets.ts';
import { readConfig } from '../../../services/context-tool/config.ts';
import { SqliteFiles } from '../../../services/context-tool/database/sqlite/sqlite-files.ts';
import { findLimits } from '../../../services/context-tool/modules/process-limits.ts';
import { start } from '../../../services/context-tool/start.ts';
import { PortBook } from '../runtime/port-book.ts';
import { RuntimeFolder } from '../runtime/runtime-folder.ts';
import type { RuntimeServerOptions } from '../runtime/runtime-server.ts';
import { createServerTokens } from '../runtime/server-tokens.ts';
import { DRAIN_MS, type Part, type PartContext } from './part.ts';

const NAME = 'context-tool';

export const contextToolPart: Part = {
  name: NAME,
  title: 'servers',
  async start(context) {
    const { state, files, definition, env, clock, log } = context;
    const folder = new RuntimeFolder({
      directory: files,
      databases: join(state.path, 'databases'),
      read: createConfigReader(),
      secrets: createSecrets(env),
      parse: createMcp2ServerParser(readSchema(definition)),
      ports: new PortBook(),
      start: createStart(context),
      drainMs: DRAIN_MS,
      clock,
      log,
    });
    return {
      get shown() {
        return folder.shown;
      },
      runtimeFiles: folder,
      starting: () => folder.starting,
      stop: () => folder.stop(),
    };
  },
};

/** What the servers share is made with the first of them: most folders have none. */
function createStart({ state, signer, eventBus, ...context }: PartContext): RuntimeServerOptions['start'] {
  const tokenSource = createServerTokens({ signer, clock: context.clock });
  const ownEventBus = { address: () => eventBus, tokenSource };
  let shared: ReturnType<typeof share> | undefined;
  return async function startServer(config, listen) {
    shared ??= share();
    const settings = readConfig({
      MCP2_LISTEN: listen,
      MCP2_CONTEXT_TOOL_CONFIG: config.file,
      MCP2_ISSUER: signer.issuer,
      MCP2_JWKS_FILE: state.jwks,
    });
    const metrics = createMetrics({ service: NAME, process: false });
    const own = {
      ...context,
      ...(await shared),
      ownEventBus,
      metrics,
      randomBytes,
      allowLoopback: true,
      lookup: lookUpBySystem,
    };
    return start(config, settings, own);
  };

  async function share() {
    const { clock, log } = context;
    const limits = await findLimits();
    return { limits, sqliteFiles: new SqliteFiles({ clock, log, setpriv: limits.setpriv }) };
  }
}
