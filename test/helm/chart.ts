/** The chart as Helm renders it, for the tests beside this file. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { HELM } from '../cluster/binaries.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { runCommand } from '../cluster/run-command.ts';
import type { KubeObject } from '../harness/kube-client.ts';

export const CHART = join(import.meta.dirname, '../../helm/mcp2');
export const NAMESPACE = 'mcp2-system';
/** As a cluster with the Prometheus operator would say of itself. */
const FOREIGN_KINDS = ['PodMonitor', 'PrometheusRule'].map((kind) => `monitoring.coreos.com/v1/${kind}`);

export interface RenderOptions {
  /** Name of a file of ci/, without "-values.yaml". */
  readonly file?: string;
  /** As for --set. */
  readonly set?: readonly string[];
  /** More arguments of `helm template`. */
  readonly args?: readonly string[];
  /** Default "mcp2". */
  readonly release?: string;
  /** Default NAMESPACE. */
  readonly namespace?: string;
  /** Folder of the chart. Default CHART. */
  readonly chart?: string;
}

/** Names of the files of ci/. */
export function valuesFiles(): readonly string[] {
  return readdirSync(join(CHART, 'ci')).map((name) => name.replace(/-values\.yaml$/, ''));
}

/** Standard output. @throws Error with what Helm said. */
export async function helm(...args: readonly string[]): Promise<string> {
  const { path } = await ensureBinaries({ binaries: HELM });
  return runCommand(path('helm'), args);
}

export async function renderText(options: RenderOptions = {}): Promise<string> {
  const { release = 'mcp2', namespace = NAMESPACE, args = [], chart = CHART } = options;
  const version = ['--kube-version', '1.37.2', ...FOREIGN_KINDS.flatMap((kind) => ['--api-versions', kind])];
  return helm('template', release, chart, '--namespace', namespace, ...version, ...valuesArguments(options), ...args);
}

/** Hooks and tests included. */
export async function render(options: RenderOptions = {}): Promise<readonly KubeObject[]> {
  return parseAllDocuments(await renderText(options)).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}

export function valuesArguments({ file, set = [], chart = CHART }: RenderOptions): readonly string[] {
  return [
    ...(file === undefined ? [] : ['--values', join(chart, 'ci', `${file}-values.yaml`)]),
    ...set.flatMap((assignment) => ['--set', assignment]),
  ];
}

/** @throws Error when it is not there. */
export function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`the chart rendered no ${kind} ${name}`);
  return found;
}

export function has(objects: readonly KubeObject[], kind: string, name: string): boolean {
  return objects.some((object) => object.kind === kind && object.metadata.name === name);
}

export interface PodTemplate {
  /** "Deployment mcp2-registry". */
  readonly owner: string;
  readonly metadata: KubeObject['metadata'];
  // biome-ignore lint/suspicious/noExplicitAny: a PodSpec belongs to the API server
  readonly spec: any;
}

/** The pods that the objects make: of workloads, jobs, hooks and tests. */
export function podTemplates(objects: readonly KubeObject[]): readonly PodTemplate[] {
  return objects.flatMap((object) => {
    const owner = `${object.kind} ${object.metadata.name}`;
    switch (object.kind) {
      case 'Deployment':
      case 'Job':
        return [{ owner, ...object.spec.template }];
      case 'StatefulSet':
        return [{ owner, ...withClaims(object) }];
      case 'CronJob':
        return [{ owner, ...object.spec.jobTemplate.spec.template }];
      case 'Pod':
        return [{ owner, metadata: object.metadata, spec: object.spec }];
      default:
        return [];
    }
  });
}

/** As the StatefulSet controller does: each claim is a volume of the pod. */
function withClaims({ spec }: KubeObject): Omit<PodTemplate, 'owner'> {
  const claims = (spec.volumeClaimTemplates ?? []) as readonly { readonly metadata: { readonly name: string } }[];
  const volumes = claims.map(({ metadata: { name } }) => ({ name, persistentVolumeClaim: { claimName: `${name}-0` } }));
  const { template } = spec;
  return { ...template, spec: { ...template.spec, volumes: [...template.spec.volumes, ...volumes] } };
}

export function containersOf({ spec }: PodTemplate): readonly KubeObject[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}
