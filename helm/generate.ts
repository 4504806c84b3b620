/**
 * `npm run generate`: writes what the chart holds twice. values.schema.json and docs/values.md come from the comments of
 * values.yaml and the traits of the components; the definitions of crds/ and the inventory of examples/ are copied, because Helm
 * packages nothing from outside of the chart's folder. A test compares.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { withDefaults, withSecrets } from './component-values.ts';
import { type Components, readTraits } from './traits.ts';
import { readValues, type Value } from './values-document.ts';
import { renderPage } from './values-page.ts';
import { renderSchema } from './values-schema.ts';

const ROOT = new URL('../', import.meta.url);
/** Folders of the chart with copies, and which files of which folder they hold. */
const COPIES: readonly (readonly [to: string, from: string, names: RegExp])[] = [
  ['helm/mcp2/files/crds/', 'crds/', /\.yaml$/],
  // Not the replica: it reads the primary's file, which a pod of its own does not have.
  ['helm/mcp2/files/inventory/', 'examples/inventory/', /^(?!replica|outbox).*\.(?:yaml|sql|mjs)$/],
];

/** The values as values.yaml and the components' traits say them. */
export interface ChartValues {
  readonly values: readonly Value[];
  readonly components: Components;
}

/** @param root folder of the repository, or of another that holds crds/, examples/inventory/ and helm/mcp2. */
export function readChartValues(root: URL = ROOT): ChartValues {
  const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
  const components = readTraits(read('helm/mcp2/templates/_traits.tpl'));
  return { values: withSecrets(readValues(read('helm/mcp2/values.yaml')), components), components };
}

/** Text by path, relative to the root. */
export function generateChartFiles(root: URL = ROOT): ReadonlyMap<string, string> {
  const { values, components } = readChartValues(root);
  const copies = COPIES.flatMap(([to, from, names]) =>
    readdirSync(new URL(from, root))
      .filter((name) => names.test(name))
      .map((name) => [`${to}${name}`, withoutEvents(readFileSync(new URL(`${from}${name}`, root), 'utf8'))] as const),
  );
  return new Map([
    ['helm/mcp2/values.schema.json', renderSchema(withDefaults(values, components))],
    ['docs/values.md', renderPage(values, components)],
    ...copies,
  ]);
}

/** The chart's sample has no token of its own with which it could publish, so it writes no rows either. */
function withoutEvents(text: string): string {
  return text.replace(', outbox.sql]', ']').replace(/\nevents:\n(?: .*\n)+/, '');
}

export function writeChartFiles(root: URL = ROOT): void {
  for (const [folder] of COPIES) rmSync(new URL(folder, root), { recursive: true, force: true });
  for (const [path, text] of generateChartFiles(root)) {
    mkdirSync(new URL('./', new URL(path, root)), { recursive: true });
    writeFileSync(new URL(path, root), text);
  }
}

if (import.meta.main) writeChartFiles();
