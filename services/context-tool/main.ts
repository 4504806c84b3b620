/** The context-tool as a process of its own: `node services/context-tool/main.ts`. */
import { createDnsLookup, readResolverSettings } from '#lib/net/name-lookup.ts';
import { runProcess } from '#lib/service/run-process.ts';
import { readConfig } from './config.ts';
import { startFollowing } from './start-following.ts';

await runProcess(process, {
  name: 'context-tool',
  readConfig,
  start: (settings, runtime) =>
    startFollowing(settings, {
      ...runtime,
      env: process.env,
      workingFolder: process.cwd(),
      lookup: createDnsLookup(readResolverSettings('/etc/resolv.conf')),
    }),
});
