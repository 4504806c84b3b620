/**
 * Values that a release has from the chart before: Helm keeps them with `--reuse-values`, and the new chart's own are then not
 * seen. On a real API server, since Helm reads them from the release that it stored there.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { KubeClient } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { createWorkspace } from '../harness/processes.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';
import { CHART, helm } from './chart.ts';

let kubeconfig: string;
let namespace: string;

beforeAll(async () => {
  const endpoint = await sharedKubeApiserver();
  kubeconfig = endpoint.adminKubeconfig;
  await using client = new KubeClient(endpoint.admin);
  namespace = await createNamespace(client, 'former');
});

/** No job runs here, and no pod. */
const release = (action: string, chart: string, ...args: readonly string[]): Promise<string> =>
  helm(
    action,
    'mcp2',
    chart,
    '--kubeconfig',
    kubeconfig,
    '-n',
    namespace,
    '--no-hooks',
    '--set',
    'crds.enabled=false',
    ...args,
  );

/** The chart with the values of the one before, which had no event bus. */
function formerChart(): string {
  const chart = join(createWorkspace('former-chart').folder, 'mcp2');
  cpSync(CHART, chart, { recursive: true });
  const path = join(chart, 'values.yaml');
  const values = parseDocument(readFileSync(path, 'utf8'));
  for (const place of [['eventBus'], ['componentDefaults', 'persistence', 'existingClaim']]) values.deleteIn(place);
  writeFileSync(path, values.toString());
  return chart;
}

test('an upgrade that keeps the values of a chart without the event bus goes through, and one that takes the new ones in has it', async () => {
  await release('install', formerChart(), '--set', 'registry.replicas=3');
  const kept = await release('upgrade', CHART, '--reuse-values');
  expect(kept).toContain('There is no event bus: these values are of a chart that had none');
  const taken = await release('upgrade', CHART, '--reset-then-reuse-values');
  expect(taken).toContain('the data of event-bus');
  const manifest = await helm('get', 'manifest', 'mcp2', '--kubeconfig', kubeconfig, '-n', namespace);
  expect(manifest).toContain('serviceName: mcp2-event-bus');
  expect(manifest).toContain('replicas: 3');
  // From then on `--reuse-values` keeps it.
  await release('upgrade', CHART, '--reuse-values', '--set', 'eventBus.logLevel=debug');
  await helm('rollback', 'mcp2', '1', '--kubeconfig', kubeconfig, '-n', namespace, '--no-hooks');
});
