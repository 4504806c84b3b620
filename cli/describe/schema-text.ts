/** A JSON Schema in words, and an example of what fits it. Both are for people: what is not easily said is left out. Pure. */
import { quote } from '#lib/capability/name.ts';
import { shortOnOneLine } from '#lib/printable.ts';
import type { CardSchema } from '#sdk/client/index.ts';

export interface Member {
  readonly name: string;
  /** "a whole number, at least 0". */
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string;
  /** As a word of a command line. */
  readonly example: string;
  /** The example needs JSON: as `--arg` it would be another value. */
  readonly isText: boolean;
}

const MAX_VALUES = 6;
const MAX_DESCRIPTION = 200;
const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  array: 'list',
  object: 'object',
  null: 'null',
};

/** The members of an object schema, required ones first. */
export function membersOf(schema: CardSchema | undefined): readonly Member[] {
  if (schema === undefined) return [];
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const properties = Object.entries(objectOf(schema.properties) ?? {});
  const members = properties.map(([name, property]): Member => {
    const own = resolve(objectOf(property) ?? {}, schema);
    const example = exampleOf(own, name);
    return {
      name,
      type: typeText(own, schema),
      isRequired: required.has(name),
      description: shortOnOneLine(textOf(own.description) ?? '', MAX_DESCRIPTION),
      example: typeof example === 'string' ? example : JSON.stringify(example),
      isText: typeof example === 'string',
    };
  });
  return [...members.filter(({ isRequired }) => isRequired), ...members.filter(({ isRequired }) => !isRequired)];
}

export function typeText(schema: CardSchema, root: CardSchema = schema): string {
  const parts = [kindOf(schema, root), ...boundsOf(schema)];
  if (schema.default !== undefined) parts.push(`default ${show(schema.default)}`);
  return parts.join(', ');
}

function kindOf(schema: CardSchema, root: CardSchema): string {
  const { type, items } = schema;
  if (Array.isArray(schema.enum)) return oneOf(schema.enum);
  if (schema.const !== undefined) return show(schema.const);
  if (type === 'array') {
    const inner = objectOf(items);
    return inner === undefined ? 'list' : `list of ${kindOf(resolve(inner, root), root)}`;
  }
  if (schema.contentEncoding === 'base64' || schema.format === 'byte') return 'bytes';
  if (typeof type === 'string') return typeof schema.format === 'string' ? schema.format : (TYPE_WORDS[type] ?? 'any');
  if (Array.isArray(type)) return type.map((each) => TYPE_WORDS[String(each)] ?? 'any').join(' or ');
  const alternatives = [schema.anyOf, schema.oneOf].find(Array.isArray);
  if (alternatives === undefined) return 'any';
  const kinds = alternatives.map((each) => kindOf(resolve(objectOf(each) ?? {}, root), root));
  return [...new Set(kinds)].slice(0, MAX_VALUES).join(' or ');
}

function boundsOf(schema: CardSchema): readonly string[] {
  const said: readonly (readonly [string, string])[] = [
    ['minimum', 'at least'],
    ['maximum', 'at most'],
    ['exclusiveMinimum', 'more than'],
    ['exclusiveMaximum', 'less than'],
  ];
  const numbers = said.flatMap(([word, words]) =>
    typeof schema[word] === 'number' ? [`${words} ${schema[word]}`] : [],
  );
  const pattern = typeof schema.pattern === 'string' ? [`like ${quote(schema.pattern)}`] : [];
  return [...numbers, ...pattern];
}

/** What may be written there; a text that nothing is known of is its name in capitals. */
function exampleOf(schema: CardSchema, name: string): unknown {
  const { examples, type } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const [first = 'string'] = [type].flat().filter((each) => each !== 'null' && each !== undefined);
  if (first === 'integer' || first === 'number') return typeof schema.minimum === 'number' ? schema.minimum : 1;
  if (first === 'boolean') return true;
  if (first === 'array') return [];
  if (first === 'object') return {};
  return placeholder(name);
}

export function placeholder(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase();
}

/** A `$ref` under "#/$defs" or "#/definitions", once. */
function resolve(schema: CardSchema, root: CardSchema): CardSchema {
  const [, place, name = ''] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(String(schema.$ref)) ?? [];
  const found = place === undefined ? undefined : objectOf(objectOf(root[place])?.[name]);
  return found === undefined ? schema : { ...found, ...schema };
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.slice(0, MAX_VALUES).map(show);
  return values.length > MAX_VALUES ? `${shown.join(', ')}, …` : shown.join(' or ');
}

function show(value: unknown): string {
  return typeof value === 'string' ? quote(value) : shortOnOneLine(JSON.stringify(value) ?? '', 40);
}

function objectOf(value: unknown): CardSchema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as CardSchema) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
