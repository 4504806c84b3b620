/**
 * Definitions of other projects' resources that the chart can make: cert-manager's and the Prometheus operator's.
 *
 * Their Go modules carry the YAML, so the module proxy serves it, checked against the sums below; nothing of them is
 * compiled or run.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from './cache.ts';
import { goEnvironment, requireGo } from './go-toolchain.ts';
import { runCommand } from './run-command.ts';

export interface CustomResourceDefinitionFile {
  /** For example "servicemonitors.monitoring.coreos.com". */
  readonly name: string;
  /** YAML: one CustomResourceDefinition. */
  readonly text: string;
}

interface Source {
  readonly module: string;
  readonly version: string;
  /** As in a go.sum. */
  readonly sum: string;
  readonly folder: string;
  readonly group: string;
  readonly plurals: readonly string[];
}

const SOURCES: readonly Source[] = [
  {
    module: 'github.com/cert-manager/cert-manager',
    version: 'v1.21.2',
    sum: 'h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=',
    folder: 'deploy/crds',
    group: 'cert-manager.io',
    plurals: ['certificates', 'clusterissuers', 'issuers'],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    sum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
    folder: 'example/prometheus-operator-crd',
    group: 'monitoring.coreos.com',
    plurals: ['podmonitors', 'prometheusrules', 'servicemonitors'],
  },
];

export interface LoadOptions {
  /** Default: the process's. */
  readonly env?: Environment;
  /** Where progress goes. Default: nowhere; a download takes seconds. */
  readonly say?: (line: string) => void;
}

/** @throws Error that says what to install, or what Go said. */
export async function loadCustomResourceDefinitions(
  options: LoadOptions = {},
): Promise<readonly CustomResourceDefinitionFile[]> {
  const { env = process.env, say = () => {} } = options;
  const { command } = await requireGo(env, say);
  return (await Promise.all(SOURCES.map((source) => filesOf(source, command, env)))).flat();
}

async function filesOf(source: Source, go: string, env: Environment): Promise<CustomResourceDefinitionFile[]> {
  const { module, version, sum, folder, group, plurals } = source;
  // Outside of any module: within one, Go would want the module in its go.sum.
  const options = { env: { ...goEnvironment(env), GO111MODULE: 'on' }, cwd: '/' };
  const answer = JSON.parse(await runCommand(go, ['mod', 'download', '-json', `${module}@${version}`], options));
  if (answer.Sum !== sum) throw new Error(`${module}@${version} is not what it was: ${answer.Sum} instead of ${sum}`);
  return Promise.all(
    plurals.map(async (plural) => ({
      name: `${plural}.${group}`,
      text: await readFile(join(answer.Dir, folder, `${group}_${plural}.yaml`), 'utf8'),
    })),
  );
}
