/** The event bus as a process of its own: `node services/event-bus/main.ts`. */
import { runProcess } from '#lib/service/run-process.ts';
import { loadServices } from '#protos/load.ts';
import { readConfig } from './config.ts';
import { openEmbeddedLog } from './log/embedded/open-log.ts';
import { start } from './start.ts';

await runProcess(process, {
  name: 'event-bus',
  readConfig,
  async start(config, runtime) {
    const eventLog = await runtime.open('log', openEmbeddedLog(config.log, runtime));
    return start(config, { ...runtime, eventLog, protos: loadServices() });
  },
});
