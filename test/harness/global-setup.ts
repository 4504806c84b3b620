/**
 * Runs once before the integration and fault tests, in the runner's main process: builds what they run on, where a
 * person sees the progress, and hosts the API server that the files share.
 */

import type { TestProject } from 'vitest/node';
import { CONTROL_PLANE, HELM } from '../cluster/binaries.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { ensureTools } from '../cluster/tools.ts';
import { hostSharedKubeApiserver } from './shared-kube-apiserver.ts';

/** @returns The teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensureBinaries({ binaries: [...CONTROL_PLANE, ...HELM] });
  await ensureTools();
  const host = await hostSharedKubeApiserver();
  project.provide('sharedKubeApiserverSocket', host.socketPath);
  return async () => host[Symbol.asyncDispose]();
}
