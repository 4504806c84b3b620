/** What the chart says of its components, so that tests run with the rights that a release has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Components, readTraits, toKebabCase } from '../../helm/traits.ts';

const CHART = join(import.meta.dirname, '../../helm/mcp2');

/** @param chart folder of the chart */
export function chartComponents(chart = CHART): Components {
  return readTraits(readFileSync(join(chart, 'templates/_traits.tpl'), 'utf8'));
}

/** As the chart renders MCP2_SETUP_STORE_RIGHTS, where all of them are installed. */
export function storeRightsSetting(components: Components = chartComponents()): string {
  return [...components]
    .flatMap(([key, { store = {} }]) =>
      Object.entries(store).flatMap(([kind, paths]) => paths.map((path) => `${toKebabCase(key)}:${kind}:${path}`)),
    )
    .join(',');
}

/** The entries of contextTool.sample. */
const SAMPLE = ['inventory', 'pricing'];

/** Values with which every component is installed, one with entries as those of the sample. */
export function allInstalled(): Readonly<Record<string, object>> {
  const components = [...chartComponents()];
  return Object.fromEntries(
    components.map(([key, { entries }]) => [key, entries ? { sample: true } : { enabled: true }]),
  );
}

/** The same as arguments of --set. */
export function allInstalledSet(): readonly string[] {
  return Object.entries(allInstalled()).map(([key, value]) => `${key}.${Object.keys(value)[0]}=true`);
}

/** What is called after a component there. */
export function namesOf(key: string, components: Components = chartComponents()): readonly string[] {
  return components.get(key)?.entries === undefined ? [toKebabCase(key)] : SAMPLE;
}

/** What all that is installed there is called. */
export function allNames(components: Components = chartComponents()): readonly string[] {
  return [...components.keys()].flatMap((key) => namesOf(key, components));
}
