/** What the chart says of its components, so that tests run with the rights that a release has. */
import { readFileSync } from 'node:fs';
import { type Components, readTraits, toKebabCase } from '../../helm/traits.ts';

const TRAITS = new URL('../../helm/mcp2/templates/_traits.tpl', import.meta.url);

export function chartComponents(): Components {
  return readTraits(readFileSync(TRAITS, 'utf8'));
}

/** As the chart renders MCP2_SETUP_STORE_RIGHTS, where all of them are installed. */
export function storeRightsSetting(components: Components = chartComponents()): string {
  return [...components]
    .flatMap(([key, { store = {} }]) =>
      Object.entries(store).flatMap(([kind, paths]) => paths.map((path) => `${toKebabCase(key)}:${kind}:${path}`)),
    )
    .join(',');
}
