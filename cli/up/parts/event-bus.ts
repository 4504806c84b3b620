/** The event bus of `mcp2 up`, on the first free port from 50052 on, with its log in the state folder. */
import type { StateFolder } from '#lib/config/state-folder.ts';
import { UserError } from '#lib/user-error.ts';
import { readConfig } from '../../../services/event-bus/config.ts';
import { openEmbeddedLog } from '../../../services/event-bus/log/embedded/open-log.ts';
import type { LogSettings } from '../../../services/event-bus/log/settings.ts';
import { start } from '../../../services/event-bus/start.ts';
import { CommandFailed } from '../../failure.ts';
import type { Terminal } from '../../terminal.ts';
import type { UpOptions } from '../options.ts';
import { firstFreePort, requireFreePort } from '../ports.ts';
import { DRAIN_MS, type Part, type PartContext } from './part.ts';

const PORT = 50_052;

export const eventBusPart: Part = {
  name: 'event-bus',
  title: 'event bus',
  choosePort,
  async start({ state, signer, ...context }, port) {
    const config = readConfig({
      MCP2_LISTEN: `127.0.0.1:${port}`,
      MCP2_ISSUER: signer.issuer,
      MCP2_JWKS_FILE: state.jwks,
      MCP2_EVENT_BUS_LOG_DIR: state.events,
    });
    const eventLog = await openLog(config.log, state, context);
    try {
      const bus = await start(config, { ...context, eventLog });
      const address = `127.0.0.1:${bus.port}`;
      const stop = () => bus.stop(DRAIN_MS).finally(() => eventLog.close());
      return { shown: address, address, ready: bus.ready, stop };
    } catch (error) {
      await eventLog.close();
      throw error;
    }
  },
};

async function openLog(
  settings: LogSettings,
  { path }: StateFolder,
  { clock, log }: Pick<PartContext, 'clock' | 'log'>,
) {
  try {
    return await openEmbeddedLog(settings, { clock, log });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new CommandFailed(`${error.message} (both take --state ${path})`, { cause: error });
  }
}

async function choosePort({ busPort: named }: UpOptions, { note }: Terminal): Promise<number> {
  if (named !== undefined) return requireFreePort(named, '--bus-port');
  const port = await firstFreePort(PORT, '--bus-port');
  if (port !== PORT) note(`Port ${PORT} is in use; the event bus listens on ${port} instead.`);
  return port;
}
