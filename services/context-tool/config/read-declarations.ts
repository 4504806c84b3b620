/** The contexts and tools of a configuration, each by itself and beside the others. */
import { KeyTemplateTable, parseKeyTemplate } from '#lib/capability/key-template.ts';
import { isParameterName } from '#lib/capability/name.ts';
import { quoted } from '#lib/printable.ts';
import type { Segments } from '#lib/schema/schema.ts';
import type { CachePolicy, JsonSchema, ToolAnnotations } from '#sdk/server/declaration.ts';
import { limited } from './limits.ts';
import { milliseconds } from './quantities.ts';
import { type RawHttp, readHttp } from './read-http.ts';
import { type RawModule, readModule } from './read-module.ts';
import { type ReadSchema, readObjectSchema, readResultSchema } from './read-schema.ts';
import { type RawStatement, readStatement } from './read-statement.ts';
import { type RawStatic, readStatic } from './read-static.ts';
import type { Reading } from './reading.ts';
import type { ContextConfig, ToolConfig } from './runtime-config.ts';

/** As the format has it. */
export interface RawContext {
  readonly key: string;
  readonly description?: string;
  readonly parameters?: JsonSchema;
  readonly cache?: { readonly ttl: string; readonly scope?: CachePolicy['scope'] };
  readonly query?: RawStatement;
  readonly http?: RawHttp;
  readonly static?: RawStatic;
}

export interface RawTool {
  readonly name: string;
  readonly description?: string;
  readonly input?: JsonSchema;
  readonly output?: JsonSchema;
  readonly annotations?: ToolAnnotations;
  readonly statement?: RawStatement;
  readonly http?: RawHttp;
  readonly module?: RawModule;
}

const DAY_MS = 24 * 3_600_000;

/** @returns undefined after a problem was added */
export function readContext(reading: Reading, index: number, raw: RawContext): ContextConfig | undefined {
  const { document } = reading;
  const at = ['contexts', index];
  const template = parseKeyTemplate(raw.key);
  if (typeof template === 'string') document.add([...at, 'key'], template);
  const { schema: parameters, names } = readParameters(reading, [...at, 'parameters'], raw.parameters);
  const known =
    typeof template === 'string' || names === undefined ? undefined : { segments: template.names, parameters: names };
  const { key, description } = raw;
  const cache = raw.cache && readCache(reading, [...at, 'cache'], raw.cache);
  const shared = { key, description, parameters, cache, place: document.place(at) };
  if (raw.query !== undefined) {
    const query = readStatement(reading, [...at, 'query'], raw.query, known);
    return query && { ...shared, query };
  }
  if (raw.http !== undefined) return { ...shared, http: readHttp(reading, [...at, 'http'], raw.http, known) };
  if (raw.static === undefined) return undefined;
  if (names !== undefined && names.length > 0) {
    document.add([...at, 'parameters'], 'a static context is the same for every caller; remove the parameters', 'key');
  }
  const content = readStatic(reading, [...at, 'static'], raw.static);
  return content && { ...shared, static: content };
}

/** @returns undefined after a problem was added */
export function readTool(reading: Reading, index: number, raw: RawTool): ToolConfig | undefined {
  const { document } = reading;
  const at = ['tools', index];
  const { schema: input, names } = readObjectSchema(reading, [...at, 'input'], raw.input);
  const output = raw.output && readResultSchema(reading, [...at, 'output'], raw.output);
  const { name, description, annotations = {} } = raw;
  if (annotations.readOnly === true && annotations.destructive === true) {
    document.add([...at, 'annotations'], 'readOnly and destructive contradict each other; remove one', 'key');
  }
  const known = names && { segments: [], parameters: names };
  const shared = { name, description, input, output, annotations, place: document.place(at) };
  if (raw.statement !== undefined) {
    const statement = readStatement(reading, [...at, 'statement'], raw.statement, known);
    const { isolation = 'ReadCommitted' } = raw.statement;
    return statement && { ...shared, statement: { ...statement, isolation } };
  }
  if (raw.http !== undefined) return { ...shared, http: readHttp(reading, [...at, 'http'], raw.http, known) };
  const module = raw.module && readModule(reading, [...at, 'module'], raw.module);
  return module && { ...shared, module };
}

/** No key twice, no two keys that nothing tells apart, no tool twice. What is broken in itself is left out. */
export function checkDoubles({ document }: Reading, contexts: readonly unknown[], tools: readonly unknown[]): void {
  const table = new KeyTemplateTable<string>();
  for (const [index, key] of contexts.entries()) {
    const template = typeof key === 'string' ? parseKeyTemplate(key) : '';
    const other = typeof template === 'string' ? undefined : table.add(template, template.text);
    if (other === undefined) continue;
    const same = other.text === key ? 'stands in this list twice' : `stands for the same keys as ${quoted(other.text)}`;
    document.add(['contexts', index, 'key'], `${quoted(String(key))} ${same}; remove one`);
  }
  const seen = new Set<unknown>();
  for (const [index, name] of tools.entries()) {
    if (typeof name === 'string' && seen.has(name)) {
      document.add(['tools', index, 'name'], `the tool ${quoted(name)} stands in this list twice; remove one`);
    }
    seen.add(name);
  }
}

function readCache(reading: Reading, at: Segments, raw: NonNullable<RawContext['cache']>): CachePolicy {
  const ttlMs = limited(reading, [...at, 'ttl'], milliseconds(raw.ttl), [1, DAY_MS, '1ms to 24h']);
  return { ttlMs, scope: raw.scope ?? 'Private' };
}

/** They travel as a map of names, which has no other characters. */
function readParameters(reading: Reading, at: Segments, raw: JsonSchema | undefined): ReadSchema {
  const read = readObjectSchema(reading, at, raw);
  const wrong = (read.names ?? []).filter((name) => !isParameterName(name));
  for (const name of wrong) {
    const rule = 'a parameter is called a letter or _, then up to 63 of A-Z a-z 0-9 _ . -';
    reading.document.add([...at, 'properties', name], rule, 'key');
  }
  return wrong.length > 0 ? { ...read, names: undefined } : read;
}
