/** The chart with values that a test writes as an object. */
import type { KubeObject } from '../harness/kube-client.ts';
import { render } from './chart.ts';

// biome-ignore lint/suspicious/noExplicitAny: parts of manifests of any kind
export type Manifest = any;

export interface RenderValues {
  readonly values?: object;
}

/** @throws Error with what Helm says. */
export function renderChart({ values = {} }: RenderValues = {}): Promise<readonly KubeObject[]> {
  const given = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);
  return render({ args: given });
}
