/** What can be said of the definition without an API server; the rest is test/integration/mcp2server.test.ts. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyDefaults } from '#lib/schema/defaults.ts';
import { readSchema, type Schema } from '#lib/schema/schema.ts';
import { CONDITIONS } from '../../operator/server/conditions.ts';
import { renderReference } from './custom-resource.ts';

const definition = readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');
const places = placesOf(readSchema(definition), '');
/** The API server forbids to describe them. */
const METADATA = ['.metadata', '.metadata.name'];

test('docs/mcp2server.md is what npm run generate writes', () => {
  expect(readFileSync(new URL('../mcp2server.md', import.meta.url), 'utf8')).toBe(
    renderReference(definition, CONDITIONS),
  );
});

test('the page shows a changed default, bound or sentence', () => {
  const changed = definition
    .replace('default: 20', 'default: 21')
    .replace('maximum: 1000', 'maximum: 1001')
    .replace('message: write exactly one of service and address', 'message: choose one');
  const page = renderReference(changed, CONDITIONS);
  expect(page).toContain('| `registration.drainSeconds` | integer | `21` | 0 to 3600 |');
  expect(page).toContain('| 1 to 1001 |');
  expect(page).toContain('- `spec.source`: choose one.');
});

test('every field has a description that ends like a sentence', () => {
  const silent = places.filter(
    ([path, { description = '' }]) => !/^[A-Z][^\n]+\.$/.test(description) && !METADATA.includes(path),
  );
  expect(silent.map(([path]) => path)).toEqual([]);
});

test('every string, list, map and number of the spec has bounds, so the rules have a known cost', () => {
  const unbounded = places.filter(([path, schema]) => path.startsWith('.spec') && !isBounded(schema));
  expect(unbounded.map(([path]) => path)).toEqual([]);
});

test('every list says how two writers of it are merged', () => {
  const lists = places.filter(([, schema]) => schema.type === 'array');
  expect(lists.length).toBeGreaterThan(5);
  expect(lists.filter(([, schema]) => schema['x-kubernetes-list-type'] === undefined)).toEqual([]);
});

test('the default of an object is what its fields default to', () => {
  const objects = places.filter(([, schema]) => schema.type === 'object' && schema.default !== undefined);
  expect(objects.length).toBeGreaterThan(3);
  for (const [path, schema] of objects) {
    expect([path, applyDefaults(schema.default, schema)]).toEqual([path, applyDefaults({}, schema)]);
  }
});

function placesOf(schema: Schema, path: string): [string, Schema][] {
  const { properties = {}, additionalProperties, items } = schema;
  return [
    [path, schema],
    ...Object.entries(properties).flatMap(([name, inner]) => placesOf(inner, `${path}.${name}`)),
    ...(additionalProperties ? placesOf(additionalProperties, `${path}.*`) : []),
    ...(items ? placesOf(items, `${path}[]`) : []),
  ];
}

function isBounded(schema: Schema): boolean {
  if (schema.type === 'string' || schema['x-kubernetes-int-or-string']) return schema.maxLength !== undefined;
  if (schema.type === 'array') return schema.maxItems !== undefined;
  if (schema.type === 'integer') return schema.minimum !== undefined && schema.maximum !== undefined;
  return schema.additionalProperties === undefined || schema.maxProperties !== undefined;
}
