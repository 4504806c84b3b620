/** What is written down twice says the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { withDefaults } from './component-values.ts';
import { generateChartFiles, readChartValues } from './generate.ts';
import { allOf, readValues } from './values-document.ts';

const ROOT = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** Where the schema is open on purpose: objects of Kubernetes' own, and `global`, which other charts share. */
const OPEN = [
  ...['definitions.kubernetes', 'properties.global', 'properties.extraObjects.items'],
  // What former charts took.
  'properties.sample',
  // JSON Schemas in a configuration.
  'properties.eventBus.properties.schemas.items.properties.schema',
  'definitions.configuration.properties.contexts.items.properties.parameters',
  'definitions.configuration.properties.tools.items.properties.input',
  'definitions.configuration.properties.tools.items.properties.output',
];

test('values.schema.json, docs/values.md and the copies of crds/ and the inventory are what npm run generate writes', () => {
  for (const [path, text] of generateChartFiles()) {
    expect(existsSync(new URL(path, ROOT)) ? read(path) : '', `${path}: run "npm run generate"`).toBe(text);
  }
});

test('the chart holds every custom resource definition, and no other', () => {
  const names = (folder: string) => readdirSync(new URL(folder, ROOT)).filter((name) => name.endsWith('.yaml'));
  expect(names('helm/mcp2/files/crds')).toEqual(names('crds'));
});

test('the chart holds the inventory with all that its configurations name, and no other file', () => {
  const copies = [...generateChartFiles().keys()].filter((path) => path.startsWith('helm/mcp2/files/inventory/'));
  const names = readdirSync(new URL('helm/mcp2/files/inventory', ROOT)).sort();
  expect(names).toEqual(copies.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort());
  const texts = ['inventory.yaml', 'pricing.yaml'].map((name) => read(`helm/mcp2/files/inventory/${name}`));
  const named = texts.flatMap((text) => [...text.matchAll(/[\w-]+\.(?:sql|mjs)\b/g)].map(([name]) => name));
  expect(names).toEqual(expect.arrayContaining(['inventory.yaml', 'pricing.yaml', ...named]));
});

test('chart, image and package carry one version', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const chart = parse(read('helm/mcp2/Chart.yaml')) as { version: string; appVersion: string };
  expect({ chart: chart.version, app: chart.appVersion }).toEqual({ chart: version, app: version });
});

test('every value has a property with a description in the schema, and the schema has no other', () => {
  const { values: written, components } = readChartValues();
  const values = allOf(withDefaults(written, components));
  const schema = JSON.parse(read('helm/mcp2/values.schema.json')) as Schema;
  expect(values.length).toBeGreaterThan(150);
  const described = describedBy(schema, '');
  expect(described.map(({ path }) => path).sort()).toEqual(values.map(({ path }) => path).sort());
  expect(described.filter(({ description }) => description === undefined)).toEqual([]);
});

test('the schema is closed but for what belongs to Kubernetes', () => {
  const schema = JSON.parse(read('helm/mcp2/values.schema.json')) as Schema;
  expect(openObjects(schema, '').sort()).toEqual([...OPEN].sort());
});

test('an entry may hold what stands beside the map of entries, and need hold nothing', () => {
  const { contextTool } = (JSON.parse(read('helm/mcp2/values.schema.json')) as Schema).properties ?? {};
  const { servers, sample, ...beside } = contextTool?.properties ?? {};
  expect(sample).toBeDefined();
  const entry = servers?.additionalProperties as Schema;
  expect(Object.keys(entry.properties ?? {}).sort()).toEqual(Object.keys(beside).sort());
  expect(entry.required).toEqual([]);
});

test('a value without a comment is refused, by its path', () => {
  expect(() => readValues('# A.\na:\n  # B.\n  b: 1\n  c: 2\n')).toThrow('values without a comment: a.c');
});

interface Schema {
  readonly type?: unknown;
  readonly description?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly [keyword: string]: unknown;
}

function describedBy(schema: Schema, prefix: string): { path: string; description: string | undefined }[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const path = `${prefix}${key}`;
    return [{ path, description: inner.description }, ...describedBy(inner, `${path}.`)];
  });
}

/** Places of objects that take any property. */
function openObjects(schema: unknown, place: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, additionalProperties } = schema as Schema;
  const isObject = type === 'object' || (Array.isArray(type) && type.includes('object'));
  const isOpen = isObject && (additionalProperties === true || additionalProperties === undefined);
  const inner = Object.entries(schema).flatMap(([key, value]) => openObjects(value, `${place}${key}.`));
  return [...(isOpen ? [place.slice(0, -1)] : []), ...inner];
}
