/** The price feed as a process of its own: `node services/price-feed/main.ts`. */
import { runProcess } from '#lib/service/run-process.ts';
import { readConfig } from './config.ts';
import { start } from './start.ts';

await runProcess(process, { name: 'price-feed', readConfig, start });
