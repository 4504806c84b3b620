/** The alerts of the chart as it renders them. */
import { allInstalled } from '../../harness/chart-traits.ts';
import { type Manifest, renderChart } from '../render.ts';

/** Every component, and three members of etcd: all alerts there are. */
export const WITH_ALERTS = Object.freeze({
  ...allInstalled(),
  etcd: { replicas: 3 },
  monitoring: { rules: { enabled: true } },
});

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook_url', string>>;
}

export async function renderRule(values: object = WITH_ALERTS): Promise<Manifest> {
  const manifests = await renderChart({ values });
  return manifests.find(({ kind }) => kind === 'PrometheusRule');
}

export async function renderAlerts(values: object = WITH_ALERTS): Promise<readonly Alert[]> {
  return (await renderRule(values)).spec.groups.flatMap((group: Manifest) => group.rules);
}
