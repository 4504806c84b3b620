/**
 * `npm run generate`: writes docs/mcp2server.md from the custom resource definition, so that the page that people read
 * cannot say anything else than the API server does. A test compares the two.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Rule, Schema } from '#lib/schema/schema.ts';
import { CONDITIONS } from '../../operator/server/conditions.ts';

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: {
      readonly kind: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly {
      readonly name: string;
      readonly additionalPrinterColumns: readonly Column[];
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

interface Column {
  readonly name: string;
  readonly description: string;
  /** 1 = only with `-o wide`. */
  readonly priority?: number;
}

/** A place of the schema: its path in dots, "[]" for the items of a list, ".*" for the values of a map. */
interface Field {
  readonly path: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

/** Of each condition the reasons that each status can have. */
type Conditions = Readonly<Record<string, Readonly<Record<'True' | 'False' | 'Unknown', readonly string[]>>>>;

/** @param text The YAML of a CustomResourceDefinition with one version. @returns Markdown. */
export function renderReference(text: string, conditions: Conditions): string {
  const { spec } = parse(text) as Definition;
  const version = spec.versions[0];
  if (!version) throw new Error('the custom resource definition has no version');
  const root = version.schema.openAPIV3Schema;
  const fields = fieldsBelow({ path: '', schema: root, isRequired: true });
  const below = (path: string) => fields.filter((field) => field.path.startsWith(`${path}.`));
  return [
    `# ${spec.names.kind}`,
    '<!-- Written by `npm run generate` from crds/mcp2.dev_mcp2servers.yaml. Edit that file, not this one. -->',
    `${root.description} It is a ${spec.scope.toLowerCase()} resource of \`${spec.group}/${version.name}\`: ${called(spec.names)}.`,
    'Examples: [in a cluster](../examples/kubernetes), [without one](own-server.md).',
    '## Fields of `spec`',
    fieldTable(below('spec'), 'spec.'),
    '## Rules',
    'The API server refuses a resource that breaks one of these and answers with the sentence. Files in standalone mode are judged alike, but may name an address on their own machine.',
    [...fields.flatMap(ruleItems)].join('\n'),
    '## Columns of `kubectl get m2s`',
    columnTable(version.additionalPrinterColumns),
    '## Fields of `status`',
    fieldTable(below('status'), 'status.'),
    '## Conditions',
    'A condition with a reason that is not in the column True says in its message what to do.',
    conditionTable(conditions),
  ]
    .join('\n\n')
    .concat('\n');
}

function called({ shortNames, categories }: Definition['spec']['names']): string {
  const words = [...shortNames, ...categories].map((word) => `\`kubectl get ${word}\``);
  return `${words.join(' or ')} lists it`;
}

/** Depth first, the field itself before those inside it. */
function fieldsBelow(field: Field): Field[] {
  const { path, schema } = field;
  const { properties = {}, additionalProperties, items, required = [] } = schema;
  const named = Object.entries(properties).map(([name, inner]) => {
    return { path: path === '' ? name : `${path}.${name}`, schema: inner, isRequired: required.includes(name) };
  });
  const inner = [
    ...named,
    ...(additionalProperties ? [{ path: `${path}.*`, schema: additionalProperties, isRequired: false }] : []),
    ...(items ? [{ path: `${path}[]`, schema: items, isRequired: false }] : []),
  ];
  return [field, ...inner.flatMap(fieldsBelow)];
}

function fieldTable(fields: readonly Field[], prefix: string): string {
  const rows = fields.map(({ path, schema, isRequired }) => [
    `\`${path.slice(prefix.length)}\``,
    typeOf(schema) + (isRequired ? ', required' : ''),
    schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``,
    boundsOf(schema),
    asPlainText(schema.description ?? ''),
  ]);
  return table(['field', 'type', 'default', 'bounds', 'meaning'], rows);
}

function typeOf(schema: Schema): string {
  if (schema['x-kubernetes-int-or-string']) return 'integer or string';
  const keys = schema['x-kubernetes-list-map-keys'];
  if (keys) return `list, one entry a ${keys.join(' and ')}`;
  if (schema['x-kubernetes-list-type'] === 'set') return 'list without doubles';
  if (schema.type === 'array') return 'list';
  return schema.additionalProperties ? 'map' : (schema.type ?? '');
}

function boundsOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((word) => `\`${word}\``).join(', ');
  return [
    range(schema.minimum, schema.maximum, ''),
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' entries'),
    range(schema.minProperties, schema.maxProperties, ' entries'),
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return `${least} to ${most}${unit}`;
  if (most !== undefined) return `at most ${most}${unit}`;
  return least === undefined ? '' : `at least ${least}${unit}`;
}

function ruleItems({ path, schema }: Field): string[] {
  const rules: readonly Rule[] = schema['x-kubernetes-validations'] ?? [];
  return rules.map(({ rule, message, fieldPath = '' }) => {
    const place = `${path}${fieldPath}` || 'the resource';
    return `- \`${place}\`: ${asPlainText(message)}.\n  \`\`\`cel\n  ${rule}\n  \`\`\``;
  });
}

function columnTable(columns: readonly Column[]): string {
  const rows = columns.map(({ name, priority = 0, description }) => {
    return [name.toUpperCase(), priority === 0 ? '' : 'with `-o wide`', description];
  });
  return table(['column', '', 'meaning'], rows);
}

function conditionTable(conditions: Conditions): string {
  const rows = Object.entries(conditions).map(([type, { True, False, Unknown }]) => {
    return [type, ...[True, False, Unknown].map((reasons) => reasons.join(', ') || 'that of the first such condition')];
  });
  return table(['condition', 'True', 'False', 'Unknown'], rows);
}

/** Text of the definition is plain: "inventory:*" and "__proto__" are no emphasis. */
function asPlainText(text: string): string {
  return text.replace(/[*_<[]/g, '\\$&');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

if (import.meta.main) {
  const definition = readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');
  writeFileSync(new URL('../mcp2server.md', import.meta.url), renderReference(definition, CONDITIONS));
}
