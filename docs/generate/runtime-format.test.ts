import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { runtimeFormat } from '../../services/context-tool/config/format.ts';
import { renderRuntimeFormat, SCHEMA_PAGE } from './runtime-format.ts';

interface Described {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Described>>;
  readonly additionalProperties?: unknown;
  readonly items?: Described;
}

test('docs/context-tool.schema.json is what npm run generate writes', () => {
  expect(readFileSync(new URL(SCHEMA_PAGE, import.meta.url), 'utf8')).toBe(renderRuntimeFormat());
});

test('it is a schema of draft 2020-12 by itself: another validator takes what the runtime takes', () => {
  const ajv = new Ajv2020({ strict: false });
  const check = ajv.compile(JSON.parse(renderRuntimeFormat()) as object);
  const text = readFileSync(new URL('../../services/context-tool/config/mistakes.yaml', import.meta.url), 'utf8');
  const sound: unknown = parse((parse(text) as { readonly sound: string }).sound);
  expect(check(sound)).toBe(true);
  expect(check({ ...(sound as object), policies: [] })).toBe(false);
});

test('every field has a description that ends like a sentence, and every object is closed or free JSON', () => {
  const silent: string[] = [];
  const visit = (path: string, schema: Described) => {
    if (path !== '' && !/^[A-Za-z].*[.…]$/.test(schema.description ?? '')) silent.push(path);
    if (schema.properties !== undefined && schema.additionalProperties !== false) silent.push(`${path} is open`);
    for (const [name, inner] of Object.entries(schema.properties ?? {})) visit(`${path}.${name}`, inner);
    if (schema.items !== undefined) visit(`${path}[]`, schema.items);
  };
  visit('', runtimeFormat() as Described);
  expect(silent).toEqual([]);
});
