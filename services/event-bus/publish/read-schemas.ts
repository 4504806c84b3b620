/** The file that says which payloads topics allow: `schemas: [{topics: "inventory:*:low_stock", file: low_stock.json}]`. */
import { dirname, resolve } from 'node:path';
import { quote } from '#lib/capability/name.ts';
import { compilePattern, isTopicFilter } from '#lib/capability/pattern.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { type CompiledSchema, compileSchema } from '#lib/json-schema/compile.ts';
import { SchemaProblem } from '#lib/json-schema/schema-problem.ts';
import { formatPath, isObject } from '#lib/schema/schema.ts';
import { readYaml, yamlValue } from '#lib/schema/yaml-documents.ts';
import type { TopicSchema } from './topic-schemas.ts';

const VARIABLE = 'MCP2_EVENT_BUS_SCHEMAS_FILE';
const MAX_BYTES = 1024 * 1024;
const MAX_SCHEMAS = 256;
const MAX_PROBLEMS = 20;

/** @throws ConfigError with everything that is wrong, each with its place */
export function readSchemas(path: string | undefined): readonly TopicSchema[] {
  if (path === undefined) return [];
  const problems: string[] = [];
  const value = readDocument(path, problems);
  const schemas = problems.length > 0 ? [] : readEntries(value, path, problems);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${VARIABLE}: ${problem}`));
  return schemas;
}

/** YAML, of which JSON is a part. */
function readDocument(path: string, problems: string[]): unknown {
  try {
    const text = readForeignFileSync(path, { maxBytes: MAX_BYTES }).toString('utf8');
    const read = readYaml(text, MAX_PROBLEMS);
    for (const { offset, message } of read.problems) problems.push(`${path}:${read.lineOf(offset)}: ${message}`);
    const [first, second] = read.documents;
    if (second !== undefined) problems.push(`${path} has several documents; use one`);
    return first === undefined || problems.length > 0 ? undefined : yamlValue(first);
  } catch (error) {
    if (!(error instanceof ForeignFileError)) throw error;
    problems.push(`${path} cannot be read: ${error.message}`);
    return undefined;
  }
}

function readEntries(value: unknown, path: string, problems: string[]): TopicSchema[] {
  const list = isObject(value) ? value.schemas : undefined;
  const unknown = isObject(value) ? Object.keys(value).find((key) => key !== 'schemas') : undefined;
  if (unknown !== undefined) problems.push(`${path}: unknown member ${quote(unknown)}; only "schemas" is known`);
  if (!Array.isArray(list)) {
    problems.push(`${path}: "schemas" must be a list of {topics, file}`);
    return [];
  }
  if (list.length > MAX_SCHEMAS) problems.push(`${path}: there are ${list.length} schemas; at most ${MAX_SCHEMAS}`);
  return list.slice(0, MAX_SCHEMAS).flatMap((entry, i) => readEntry(entry, `${path}: schemas[${i}]`, path, problems));
}

function readEntry(entry: unknown, place: string, path: string, problems: string[]): TopicSchema[] {
  const { topics, file, ...others } = isObject(entry) ? entry : {};
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) problems.push(`${place}: unknown member ${quote(unknown)}; use topics and file`);
  const pattern = typeof topics === 'string' ? compilePattern(topics) : undefined;
  if (pattern === undefined || !isTopicFilter(pattern)) {
    problems.push(`${place}.topics must be a topic pattern, for example "inventory:*:low_stock"`);
  }
  if (typeof file !== 'string' || file === '') {
    problems.push(`${place}.file must be the path of a JSON Schema, from the folder of ${path}`);
    return [];
  }
  const schema = readSchemaFile(resolve(dirname(path), file), problems);
  return schema === undefined || pattern === undefined ? [] : [{ topics: pattern.text, schema }];
}

function readSchemaFile(path: string, problems: string[]): CompiledSchema | undefined {
  const value = readDocument(path, problems);
  if (value === undefined) return undefined;
  if (!isObject(value)) {
    problems.push(`${path} must be a JSON Schema, an object`);
    return undefined;
  }
  try {
    return compileSchema(value, { closed: false });
  } catch (error) {
    if (!(error instanceof SchemaProblem)) throw error;
    for (const one of error.problems) problems.push(`${path}: ${formatPath(one.path)}: ${one.message}`);
    return undefined;
  }
}
