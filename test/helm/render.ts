/** The chart as objects: `helm template`, which asks no cluster. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { HELM } from '../cluster/binaries.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { runCommand } from '../cluster/run-command.ts';

export const CHART = join(import.meta.dirname, '../../helm/mcp2');

// biome-ignore lint/suspicious/noExplicitAny: manifests of any kind
export type Manifest = any;

export interface RenderOptions {
  readonly values?: object;
  /** Default mcp2. */
  readonly release?: string;
  /** Default mcp2-system. */
  readonly namespace?: string;
  /** What the cluster knows beside Kubernetes itself, for example "monitoring.coreos.com/v1/PodMonitor". */
  readonly apiVersions?: readonly string[];
}

/** @throws Error with what Helm says. */
export async function renderChart(options: RenderOptions = {}): Promise<readonly Manifest[]> {
  const { values = {}, release = 'mcp2', namespace = 'mcp2-system', apiVersions = [] } = options;
  const helm = (await ensureBinaries({ binaries: HELM })).path('helm');
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-helm-'));
  try {
    const file = join(folder, 'values.yaml');
    await writeFile(file, JSON.stringify(values));
    const known = apiVersions.flatMap((version) => ['--api-versions', version]);
    const args = ['template', release, CHART, '--namespace', namespace, '--values', file, ...known];
    return readManifests(await runCommand(helm, args));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function readManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}
