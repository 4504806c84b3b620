/**
 * When an end-to-end test fails, what its file's clusters say is kept under test-logs/, one folder a test: logs of
 * every component and pod, `kubectl describe`, events. Clusters are found by their folders, which name their owner.
 */

import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach } from 'vitest';
import { CATALOGUE } from '../cluster/binaries.ts';
import { buildBinaries } from '../cluster/build.ts';
import { CLUSTER_PREFIX, CLUSTERS_FOLDER } from '../cluster/cluster-plan.ts';
import { KubeCommands } from '../cluster/kube-commands.ts';
import { keepNodeLogs } from '../cluster/own-cluster-handle.ts';

const KEPT = join(import.meta.dirname, '..', '..', 'test-logs');

afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  const slug = `${basename(task.file.name, '.test.ts')}-${task.name}`.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 100);
  await rm(join(KEPT, slug), { recursive: true, force: true });
  const owned = `${CLUSTER_PREFIX}${process.pid}-`;
  const names = (await readdir(CLUSTERS_FOLDER)).filter((name) => name.startsWith(owned));
  for (const name of names) await keep(join(CLUSTERS_FOLDER, name), join(KEPT, slug, name));
  if (names.length > 0) process.stderr.write(`logs of the clusters of this test: ${join(KEPT, slug)}\n`);
}, 120_000);

async function keep(cluster: string, folder: string): Promise<void> {
  await keepNodeLogs(cluster, folder);
  const text = await readFile(join(cluster, 'cluster.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { kubeconfig, run } = JSON.parse(text) as { kubeconfig: string; run: string };
  const binaries = await buildBinaries({ binaries: CATALOGUE });
  await new KubeCommands({ kubeconfig, folder: cluster, binaries, run }).keepLogs(folder);
}
