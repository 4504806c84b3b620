/** docs/values.md: the values as a page that people read. */
import { DEFAULTS, uselessDefaults } from './component-values.ts';
import { type Components, meets, toKebabCase } from './traits.ts';
import { allOf, type Value } from './values-document.ts';

/** @returns Markdown. */
export function renderPage(values: readonly Value[], components: Components): string {
  const sections = values.filter(({ children }) => children.length > 0);
  const single = values.filter(({ children }) => children.length === 0);
  return [
    '# Values of the chart',
    '<!-- Written by `npm run generate` from helm/mcp2/values.yaml. Edit that file, not this one. -->',
    'What `helm install mcp2 helm/mcp2 --values FILE` accepts. A value that is not listed here is refused. Examples that are installed and upgraded by tests: [development](../helm/mcp2/ci/development-values.yaml), [production](../helm/mcp2/ci/production-values.yaml), [kind](../helm/mcp2/ci/kind-values.yaml); the [other files beside them](../helm/mcp2/ci) show one switch each.',
    'One release a cluster: the operator works on the Mcp2Servers of all namespaces, and two of them would write the same status.',
    '## General',
    table(single, components),
    ...sections.flatMap((section) => [
      `## \`${section.key}\``,
      asPlainText(section.description),
      ...inheritance(section, values, components),
      table(
        allOf(section.children).filter(({ children }) => children.length === 0),
        components,
      ),
    ]),
  ]
    .join('\n\n')
    .concat('\n');
}

/** A sentence for the section of a component. */
function inheritance({ key }: Value, values: readonly Value[], components: Components): string[] {
  const traits = components.get(key);
  if (traits === undefined) return [];
  const useless = uselessDefaults(values, traits).map((path) => `\`${path}\``);
  const without = useless.length === 0 ? '' : `, but for ${useless.join(', ')}`;
  return [
    `It also takes everything of [\`${DEFAULTS}\`](#${DEFAULTS.toLowerCase()})${without}. Its own values, and those whose default is another:`,
  ];
}

/** Which components a value of componentDefaults is for, where it is not for all. */
function audience({ trait }: Value, components: Components): string {
  if (trait === undefined) return '';
  const names = [...components].filter(([, traits]) => meets(traits, trait)).map(([key]) => toKebabCase(key));
  return names.length === 0 ? ' No component uses it yet.' : ` Only for ${names.join(', ')}.`;
}

function table(values: readonly Value[], components: Components): string {
  const rows = values.map((value) => [
    `\`${value.path}\``,
    `\`${JSON.stringify(value.default)}\``,
    allowed(value.schema),
    asPlainText(`${value.description}${audience(value, components)}`),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const head = ['value', 'default', 'allowed', 'meaning'];
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function allowed({ enum: words, minimum, maximum, pattern }: Value['schema']): string {
  if (Array.isArray(words)) return words.map((word) => `\`${word}\``).join(', ');
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `at least ${minimum}`;
  return pattern === undefined ? '' : `\`${pattern}\``;
}

function asPlainText(text: string): string {
  return text.replace(/[*_<[]/g, '\\$&');
}
