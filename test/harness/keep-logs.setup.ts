/**
 * When a test fails, the logs of the processes that ran beside it are kept under test-logs/, one folder a test;
 * otherwise they go with the worker that started them.
 *
 * Processes of the test itself and of its file, and the API server that the runner's main process shares.
 */

import { copyFile, glob, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach } from 'vitest';

const KEPT = join(import.meta.dirname, '..', '..', 'test-logs');

afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  const slug = `${basename(task.file.name, '.test.ts')}-${task.name}`.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 100);
  const folder = join(KEPT, slug);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const pid of [process.pid, process.ppid]) {
    const root = join(tmpdir(), `mcp2-test-${pid}`);
    for await (const log of glob('*/*.log', { cwd: root })) {
      await copyFile(join(root, log), join(folder, `${dirname(log)}.log`));
    }
  }
  process.stderr.write(`logs of the processes beside this test: ${folder}\n`);
});
