/**
 * The keywords of JSON Schema, drafts 2020-12 and draft-07: what each takes, and which of them hold schemas.
 *
 * Ours and not the published meta-schemas: those say "must match some schema in anyOf" where a person wants to know which
 * word is wrong, and do not say where schemas are, which the search for `$ref`s, patterns and defaults needs. A test
 * compares the verdicts with theirs.
 */

export const DRAFT_2020_12 = '2020-12';
export const DRAFT_07 = 'draft-07';
export type Draft = typeof DRAFT_2020_12 | typeof DRAFT_07;

/** What a keyword's value is. */
export type KeywordKind =
  | 'schema'
  | 'schemas'
  | 'schema map'
  /** Names are patterns. */
  | 'schema pattern map'
  /** draft-07: a schema, or a list of them. */
  | 'schema or schemas'
  /** draft-07: schemas or lists of names. */
  | 'dependency map'
  | 'type'
  | 'values'
  | 'any'
  | 'list'
  | 'number'
  | 'positive number'
  | 'count'
  | 'boolean'
  | 'text'
  | 'names'
  | 'names map'
  | 'pattern';

export interface Keyword {
  readonly kind: KeywordKind;
  /** Absent: both. */
  readonly draft?: Draft;
  /**
   * Of schemas. `same`: asked about the value itself. `inside`: about parts of it. Absent: about nothing by themselves, as
   * those under `$defs`.
   */
  readonly applies?: 'same' | 'inside';
  /** It says something to people and decides nothing. */
  readonly isAnnotation?: true;
}

/** `$id`, `$anchor`, `$ref` and `$schema` are looked at by name. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ['$schema', { kind: 'text', isAnnotation: true }],
  ['$id', { kind: 'text', isAnnotation: true }],
  ['$anchor', { kind: 'text', draft: DRAFT_2020_12, isAnnotation: true }],
  ['$ref', { kind: 'text' }],
  ['$comment', { kind: 'text', isAnnotation: true }],
  ['$defs', { kind: 'schema map' }],
  ['definitions', { kind: 'schema map' }],

  ['allOf', { kind: 'schemas', applies: 'same' }],
  ['anyOf', { kind: 'schemas', applies: 'same' }],
  ['oneOf', { kind: 'schemas', applies: 'same' }],
  ['not', { kind: 'schema', applies: 'same' }],
  ['if', { kind: 'schema', applies: 'same' }],
  ['then', { kind: 'schema', applies: 'same' }],
  ['else', { kind: 'schema', applies: 'same' }],
  ['dependentSchemas', { kind: 'schema map', draft: DRAFT_2020_12, applies: 'same' }],
  ['dependencies', { kind: 'dependency map', draft: DRAFT_07, applies: 'same' }],

  ['properties', { kind: 'schema map', applies: 'inside' }],
  ['patternProperties', { kind: 'schema pattern map', applies: 'inside' }],
  ['additionalProperties', { kind: 'schema', applies: 'inside' }],
  ['unevaluatedProperties', { kind: 'schema', draft: DRAFT_2020_12, applies: 'inside' }],
  ['propertyNames', { kind: 'schema', applies: 'inside' }],
  ['items', { kind: 'schema or schemas', applies: 'inside' }],
  ['prefixItems', { kind: 'schemas', draft: DRAFT_2020_12, applies: 'inside' }],
  ['additionalItems', { kind: 'schema', draft: DRAFT_07, applies: 'inside' }],
  ['unevaluatedItems', { kind: 'schema', draft: DRAFT_2020_12, applies: 'inside' }],
  ['contains', { kind: 'schema', applies: 'inside' }],

  ['type', { kind: 'type' }],
  ['enum', { kind: 'values' }],
  ['const', { kind: 'any' }],
  ['multipleOf', { kind: 'positive number' }],
  ['maximum', { kind: 'number' }],
  ['exclusiveMaximum', { kind: 'number' }],
  ['minimum', { kind: 'number' }],
  ['exclusiveMinimum', { kind: 'number' }],
  ['maxLength', { kind: 'count' }],
  ['minLength', { kind: 'count' }],
  ['pattern', { kind: 'pattern' }],
  ['maxItems', { kind: 'count' }],
  ['minItems', { kind: 'count' }],
  ['uniqueItems', { kind: 'boolean' }],
  ['maxContains', { kind: 'count', draft: DRAFT_2020_12 }],
  ['minContains', { kind: 'count', draft: DRAFT_2020_12 }],
  ['maxProperties', { kind: 'count' }],
  ['minProperties', { kind: 'count' }],
  ['required', { kind: 'names' }],
  ['dependentRequired', { kind: 'names map', draft: DRAFT_2020_12 }],
  ['format', { kind: 'text' }],

  ['title', { kind: 'text', isAnnotation: true }],
  ['description', { kind: 'text', isAnnotation: true }],
  ['default', { kind: 'any', isAnnotation: true }],
  ['examples', { kind: 'list', isAnnotation: true }],
  ['deprecated', { kind: 'boolean', isAnnotation: true }],
  ['readOnly', { kind: 'boolean', isAnnotation: true }],
  ['writeOnly', { kind: 'boolean', isAnnotation: true }],
  ['contentEncoding', { kind: 'text', isAnnotation: true }],
  ['contentMediaType', { kind: 'text', isAnnotation: true }],
  ['contentSchema', { kind: 'schema', draft: DRAFT_2020_12, isAnnotation: true }],
]);

export const TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type JsonType = (typeof TYPES)[number];

/** Words of other drafts, and of OpenAPI, with what to write instead. */
export const FOREIGN_KEYWORDS: ReadonlyMap<string, string> = new Map([
  ['id', 'write "$id"'],
  ['nullable', 'write type: [string, "null"] or the like'],
  ['example', 'write examples: […]'],
  ['discriminator', 'write a "const" in each schema of "oneOf"'],
  ['divisibleBy', 'write "multipleOf"'],
  ['extends', 'write "allOf"'],
  ['disallow', 'write "not"'],
  ['$dynamicRef', 'write "$ref"'],
  ['$dynamicAnchor', 'write "$anchor" or a schema under "$defs"'],
  ['$recursiveRef', 'write "$ref"'],
  ['$recursiveAnchor', 'write "$ref" where it is meant'],
  ['$vocabulary', 'only meta-schemas have it; remove it'],
]);
