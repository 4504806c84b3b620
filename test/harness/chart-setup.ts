/**
 * Runs once before the tests of the chart, in the runner's main process: what they need beside the control plane takes
 * minutes to build on a new machine, so they are a step of their own (`npm run test:chart`).
 */

import type { TestProject } from 'vitest/node';
import { CONTROL_PLANE, HELM, KUBECTL } from '../cluster/binaries.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { describeBinaries } from '../cluster/locate.ts';
import { sayOnStandardError } from '../cluster/progress.ts';
import { ensureTools } from '../cluster/tools.ts';
import { shareKubeApiserver } from './shared-kube-apiserver.ts';

/** @returns The teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  describeBinaries(await ensureBinaries({ binaries: [...CONTROL_PLANE, ...KUBECTL, ...HELM] })).forEach(
    sayOnStandardError,
  );
  describeBinaries(await ensureTools()).forEach(sayOnStandardError);
  return shareKubeApiserver(project);
}
