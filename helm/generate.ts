/**
 * `npm run generate`: writes what the chart holds twice. values.schema.json and docs/values.md come from the comments of
 * values.yaml and the traits of the components; the definitions of crds/ are copied, because Helm packages nothing from outside of the chart's folder. A
 * test compares.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { withDefaults, withSecrets } from './component-values.ts';
import { type Components, readTraits } from './traits.ts';
import { readValues, type Value } from './values-document.ts';
import { renderPage } from './values-page.ts';
import { renderSchema } from './values-schema.ts';

const ROOT = new URL('../', import.meta.url);
const CRDS = 'helm/mcp2/files/crds/';

/** The values as values.yaml and the components' traits say them. */
export interface ChartValues {
  readonly values: readonly Value[];
  readonly components: Components;
}

/** @param root folder of the repository, or of another that holds crds/ and helm/mcp2. */
export function readChartValues(root: URL = ROOT): ChartValues {
  const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
  const components = readTraits(read('helm/mcp2/templates/_traits.tpl'));
  return { values: withSecrets(readValues(read('helm/mcp2/values.yaml')), components), components };
}

/** Text by path, relative to the root. */
export function generateChartFiles(root: URL = ROOT): ReadonlyMap<string, string> {
  const { values, components } = readChartValues(root);
  const definitions = readdirSync(new URL('crds/', root)).filter((name) => name.endsWith('.yaml'));
  return new Map([
    ['helm/mcp2/values.schema.json', renderSchema(withDefaults(values, components))],
    ['docs/values.md', renderPage(values, components)],
    ...definitions.map((name) => [`${CRDS}${name}`, readFileSync(new URL(`crds/${name}`, root), 'utf8')] as const),
  ]);
}

export function writeChartFiles(root: URL = ROOT): void {
  rmSync(new URL(CRDS, root), { recursive: true, force: true });
  for (const [path, text] of generateChartFiles(root)) {
    mkdirSync(new URL('./', new URL(path, root)), { recursive: true });
    writeFileSync(new URL(path, root), text);
  }
}

if (import.meta.main) writeChartFiles();
