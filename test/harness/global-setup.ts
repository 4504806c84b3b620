/**
 * Runs once before the integration and fault tests, in the runner's main process: finds or builds etcd and
 * kube-apiserver, says which ones they are, and hosts the API server that the files share. Nothing else is built here:
 * it is what the first `npm test` of a machine waits for.
 */

import type { TestProject } from 'vitest/node';
import { ensureBinaries } from '../cluster/build.ts';
import { describeBinaries } from '../cluster/locate.ts';
import { sayOnStandardError } from '../cluster/progress.ts';
import { shareKubeApiserver } from './shared-kube-apiserver.ts';

/** @returns The teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  describeBinaries(await ensureBinaries()).forEach(sayOnStandardError);
  return shareKubeApiserver(project);
}
