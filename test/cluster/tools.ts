/**
 * Tools of the chart's tests that are no part of the cluster: Prometheus and its promtool, and cyclonus, which analyses
 * NetworkPolicies. A Go module of their own (tools/go.mod), so that what they need never moves a version of the cluster.
 */

import { join } from 'node:path';
import type { Binary } from './binaries.ts';
import { type EnsureBinariesOptions, ensureBinaries, type ReadyBinaries } from './build.ts';
import { MODULE_FOLDER } from './cache.ts';

/** Service discovery in clouds is left out: it is most of what Prometheus compiles, and Kubernetes' and files are kept. */
const PROMETHEUS_TAGS = ['remove_all_sd', 'enable_kubernetes_sd'];

export const TOOLS: readonly Binary[] = [
  {
    name: 'promtool',
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    tags: PROMETHEUS_TAGS,
    machine: { args: ['--version'], says: /^promtool, version (\d\S+)/m, released: prometheusVersion },
  },
  {
    name: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/prometheus',
    tags: PROMETHEUS_TAGS,
    machine: { args: ['--version'], says: /^prometheus, version (\d\S+)/m, released: prometheusVersion },
  },
  { name: 'cyclonus', package: 'github.com/mattfenwick/cyclonus/cmd/cyclonus' },
];

/** Minutes where Go has nothing of it cached, 8 seconds on 2 cores where it has. */
export function ensureTools(options: Omit<EnsureBinariesOptions, 'binaries' | 'module'> = {}): Promise<ReadyBinaries> {
  return ensureBinaries({ ...options, binaries: TOOLS, module: join(MODULE_FOLDER, 'tools') });
}

/** Prometheus 3.15.0 is version v0.315.0 of its Go module, whose major version must not change. */
export function prometheusVersion(moduleVersion: string): string {
  return moduleVersion.replace(/^v0\.(\d)0?(\d+)/, '$1.$2');
}
