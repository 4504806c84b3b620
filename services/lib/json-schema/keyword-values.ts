/** What is wrong with the value of a keyword, for people: the meta-schema of both drafts, in sentences. */
import { quote } from '../capability/name.ts';
import { editDistance } from '../edit-distance.ts';
import { isPlainObject } from './json-data.ts';
import { DRAFT_2020_12, type Draft, FOREIGN_KEYWORDS, KEYWORDS, type KeywordKind, TYPES } from './keywords.ts';
import { compileTextPattern } from './pattern.ts';

/** @returns undefined when the value is as the keyword wants it, schemas in it left out */
export function problemOfValue(kind: KeywordKind, value: unknown, draft: Draft): string | undefined {
  switch (kind) {
    case 'schema':
      return isSchema(value) ? undefined : 'must be a schema: an object, true or false';
    case 'schemas':
      return isFullList(value) && value.every(isSchema) ? undefined : 'must be a list of at least one schema';
    case 'schema map':
    case 'schema pattern map':
      return problemOfMap(kind, value);
    case 'schema or schemas':
      return problemOfItems(value, draft);
    case 'dependency map':
      return isMapOf(value, (member) => isSchema(member) || isNames(member))
        ? undefined
        : 'must be an object whose values are schemas or lists of names';
    case 'type':
      return problemOfType(value);
    case 'pattern':
      return typeof value === 'string' ? problemOfPattern(value) : 'must be a text';
    default:
      return problemOfPlain(kind, value);
  }
}

/** For a word that is none of the draft's. */
export function problemOfUnknownKeyword(word: string, draft: Draft): string {
  const foreign = FOREIGN_KEYWORDS.get(word);
  if (foreign !== undefined) return `${quote(word)} is not supported: ${foreign}`;
  const known = KEYWORDS.get(word);
  if (known !== undefined)
    return `${quote(word)} is not of draft ${draft}${word === 'prefixItems' ? ': write "items"' : ''}`;
  const candidates = [...KEYWORDS]
    .filter(([, { draft: of }]) => of === undefined || of === draft)
    .map(([name]) => name);
  const suggestion = nearest(word, candidates);
  const advice = suggestion === undefined ? 'words of your own begin with "x-"' : `did you mean "${suggestion}"?`;
  return `${quote(word)} is no keyword of JSON Schema; ${advice}`;
}

/** The word that somebody probably meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, distance: editDistance(word, candidate) }));
  const [best] = ranked.sort((a, b) => a.distance - b.distance);
  if (best === undefined || best.distance > Math.min(3, Math.max(1, best.candidate.length / 2))) return undefined;
  return best.candidate;
}

function problemOfPlain(kind: KeywordKind, value: unknown): string | undefined {
  switch (kind) {
    case 'values':
      return isFullList(value) ? undefined : 'must be a list of at least one value';
    case 'list':
      return Array.isArray(value) ? undefined : 'must be a list';
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number';
    case 'positive number':
      return typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0';
    case 'count':
      return Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'must be a whole number from 0';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'text':
      return typeof value === 'string' ? undefined : 'must be a text';
    case 'names':
      return isNames(value) ? undefined : 'must be a list of different names';
    case 'names map':
      return isMapOf(value, isNames) ? undefined : 'must be an object whose values are lists of different names';
    default:
      return undefined;
  }
}

function problemOfMap(kind: KeywordKind, value: unknown): string | undefined {
  if (!isMapOf(value, isSchema)) return 'must be an object whose values are schemas (an object, true or false)';
  const names = Object.keys(value);
  // Generated validators leave it out, and so would let anything through.
  if (names.includes('__proto__')) return 'cannot have the name "__proto__"';
  if (kind !== 'schema pattern map') return undefined;
  return names.map(problemOfPattern).find((problem) => problem !== undefined);
}

function problemOfItems(value: unknown, draft: Draft): string | undefined {
  if (isSchema(value)) return undefined;
  if (!Array.isArray(value)) return 'must be a schema: an object, true or false';
  if (draft === DRAFT_2020_12) return 'must be one schema; a list of schemas is "prefixItems" in draft 2020-12';
  return problemOfValue('schemas', value, draft);
}

function problemOfType(value: unknown): string | undefined {
  const types: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wrong = types.find((type) => !TYPES.some((known) => known === type));
  const rule = `must be one of ${TYPES.join(', ')}, or a list of them`;
  if (wrong === undefined) return types.length > 0 && new Set(types).size === types.length ? undefined : rule;
  const meant = typeof wrong === 'string' ? nearest(wrong, TYPES) : undefined;
  return meant === undefined ? rule : `must not be ${quote(String(wrong))}; did you mean "${meant}"?`;
}

function problemOfPattern(pattern: string): string | undefined {
  try {
    compileTextPattern(pattern);
    return undefined;
  } catch (error) {
    return `${quote(pattern)} ${error instanceof Error ? error.message : error}`;
  }
}

function isSchema(value: unknown): boolean {
  return typeof value === 'boolean' || isPlainObject(value);
}

function isFullList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}

function isNames(value: unknown): boolean {
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) return false;
  return new Set(value).size === value.length;
}

function isMapOf(value: unknown, isMember: (member: unknown) => boolean): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) && Object.values(value).every(isMember);
}
