/** The chart with values that a test writes as an object. */
import type { KubeObject } from '../harness/kube-client.ts';
import { render } from './chart.ts';

// biome-ignore lint/suspicious/noExplicitAny: parts of manifests of any kind
export type Manifest = any;

export interface RenderValues {
  readonly values?: object;
  /** What the cluster knows beside Kubernetes itself, for example "monitoring.coreos.com/v1/PodMonitor". */
  readonly apiVersions?: readonly string[];
}

/** @throws Error with what Helm says. */
export function renderChart({ values = {}, apiVersions = [] }: RenderValues = {}): Promise<readonly KubeObject[]> {
  const given = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);
  const known = apiVersions.flatMap((version) => ['--api-versions', version]);
  return render({ args: [...given, ...known] });
}
