/** The image's argument `sample`: the context-tool with the inventory of examples/ built in, for pods of former charts. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDnsLookup, readResolverSettings } from '#lib/net/name-lookup.ts';
import { runProcess } from '#lib/service/run-process.ts';
import { startFollowing } from '../start-following.ts';
import { readSampleConfig } from './config.ts';
import { writeInventory } from './write-inventory.ts';

await runProcess(process, {
  name: 'context-tool',
  readConfig: readSampleConfig,
  start: (settings, runtime) => {
    const examples = fileURLToPath(new URL('../../../examples/inventory/', import.meta.url));
    const folder = mkdtempSync(join(tmpdir(), 'mcp2-sample-'));
    const file = writeInventory({ examples, folder, serverName: settings.serverName });
    return startFollowing(
      { ...settings, file },
      {
        ...runtime,
        env: process.env,
        workingFolder: process.cwd(),
        lookup: createDnsLookup(readResolverSettings('/etc/resolv.conf')),
      },
    );
  },
});
