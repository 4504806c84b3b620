/**
 * `npm run generate`: writes what the chart holds twice. values.schema.json and docs/values.md come from the comments of
 * values.yaml; the definitions of crds/ are copied, because Helm packages nothing from outside of the chart's folder. A
 * test compares.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readValues } from './values-document.ts';
import { renderPage } from './values-page.ts';
import { renderSchema } from './values-schema.ts';

const ROOT = new URL('../', import.meta.url);
const CRDS = 'helm/mcp2/files/crds/';

/** Text by path, relative to the repository. */
export function generateChartFiles(): ReadonlyMap<string, string> {
  const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
  const values = readValues(read('helm/mcp2/values.yaml'));
  const definitions = readdirSync(new URL('crds/', ROOT)).filter((name) => name.endsWith('.yaml'));
  return new Map([
    ['helm/mcp2/values.schema.json', renderSchema(values)],
    ['docs/values.md', renderPage(values)],
    ...definitions.map((name) => [`${CRDS}${name}`, read(`crds/${name}`)] as const),
  ]);
}

if (import.meta.main) {
  rmSync(new URL(CRDS, ROOT), { recursive: true, force: true });
  mkdirSync(new URL(CRDS, ROOT), { recursive: true });
  for (const [path, text] of generateChartFiles()) writeFileSync(new URL(path, ROOT), text);
}
