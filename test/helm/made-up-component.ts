/**
 * A copy of the chart and components that exist nowhere else, each added by the three edits that CONTRIBUTING.md lists.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { writeChartFiles } from '../../helm/generate.ts';
import { toKebabCase } from '../../helm/traits.ts';
import { createWorkspace } from '../harness/processes.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface MadeUpComponent {
  /** In camelCase. */
  readonly key: string;
  /** See templates/_traits.tpl. */
  readonly traits: object;
  /** Its section of values.yaml below the key, with a comment above each value. */
  readonly values: string;
}

/** @returns the folder of a chart with these components, and what is generated for it. */
export function chartWith(...components: readonly MadeUpComponent[]): string {
  const { folder } = createWorkspace('chart');
  const chart = join(folder, 'helm/mcp2');
  for (const copied of ['crds', 'examples/inventory'])
    cpSync(join(ROOT, copied), join(folder, copied), { recursive: true });
  cpSync(join(ROOT, 'helm/mcp2'), chart, { recursive: true });
  for (const component of components) addComponent(chart, component);
  writeChartFiles(pathToFileURL(`${folder}/`));
  return chart;
}

/** The three edits. @param chart folder of the chart */
export function addComponent(chart: string, { key, traits, values }: MadeUpComponent): void {
  edit(join(chart, 'templates/_traits.tpl'), (text) =>
    text.replace(/(?<=define "mcp2\.traits" -\}\}\n[\s\S]*?)(?=\{\{- end -\}\})/, stringify({ [key]: traits })),
  );
  edit(join(chart, 'values.yaml'), (text) => `${text}\n# -- Made up.\n${key}:\n${values.replace(/^(?=.)/gm, '  ')}`);
  writeFileSync(
    join(chart, `templates/${toKebabCase(key)}.yaml`),
    `{{- include "mcp2.component" (list . "${key}") }}\n`,
  );
}

function edit(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`${path} was not changed: it is not what this helper knows`);
  writeFileSync(path, changed);
}
