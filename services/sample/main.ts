/** The sample server as a process of its own: `node services/sample/main.ts`. */
import { runProcess } from '#lib/service/run-process.ts';
import { readConfig } from './config.ts';
import { start } from './start.ts';

await runProcess(process, { name: 'sample', readConfig, start });
