import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadCustomResourceDefinitions } from './custom-resource-definitions.ts';

test('the definitions of what the chart can make for others are whole and named alike', async () => {
  const files = await loadCustomResourceDefinitions();
  expect(files.map(({ name }) => name)).toEqual([
    'certificates.cert-manager.io',
    'clusterissuers.cert-manager.io',
    'issuers.cert-manager.io',
    'podmonitors.monitoring.coreos.com',
    'prometheusrules.monitoring.coreos.com',
    'servicemonitors.monitoring.coreos.com',
  ]);
  for (const { name, text } of files) {
    expect(parse(text)).toMatchObject({ kind: 'CustomResourceDefinition', metadata: { name } });
  }
});
