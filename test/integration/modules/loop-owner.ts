/** A process of its own, with one child in an endless loop and one that waits for calls: for a test that kills it. */
import { join } from 'node:path';
import { FOLDER, mistake, startModules } from './fixture.ts';

if (import.meta.main) await main();

async function main(): Promise<void> {
  const modules = await startModules();
  await modules.call({ file: join(FOLDER, 'tools.mjs'), export: 'pid' });
  process.stdout.write('ready\n');
  await modules.call({ ...mistake('loop'), timeoutMs: 600_000 });
}
