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

/** Values with which every component is installed. */
export function allInstalled(): Readonly<Record<string, { readonly enabled: true }>> {
  return Object.fromEntries([...chartComponents().keys()].map((key) => [key, { enabled: true }]));
}
