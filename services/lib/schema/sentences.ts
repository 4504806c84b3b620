/** What JSON Schema (ajv) found wrong with a value, in words for a person who edits a YAML file. */
import type { ErrorObject } from 'ajv';
import { editDistance } from '../edit-distance.ts';
import { quoted, shortOnOneLine } from '../printable.ts';

const MAX_SUGGESTION_DISTANCE = 3;
const MAX_QUOTATION = 100;

/** What is wrong with the value itself and what to write instead. Quotes the value where it is none of the possible words. */
export function describeError({ keyword, params, data, message, schema }: ErrorObject): string {
  switch (keyword) {
    case 'type':
      return `write ${[params.type].flat().map(withArticle).join(' or ')}, not ${withArticle(typeOf(data))}`;
    case 'enum':
      return `${show(data)} is not possible; write ${oneOf(schema as string[])}`;
    case 'minimum':
      return `${data} is too small; write at least ${params.limit}`;
    case 'maximum':
      return `${data} is too large; write at most ${params.limit}`;
    case 'maxLength':
      return `is too long; write at most ${params.limit} characters`;
    case 'minItems':
    case 'minProperties':
      return `write at least ${params.limit} ${params.limit === 1 ? 'entry' : 'entries'}`;
    case 'maxItems':
    case 'maxProperties':
      return `has too many entries; write at most ${params.limit}`;
    case 'pattern': // of metadata alone: all else is a rule with its own sentence
      return "write lower-case letters, digits and '-' that start and end with a letter or a digit";
    default:
      return message ?? `breaks "${keyword}"`;
  }
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
}

/** For a name that is not known here: ", did you mean mode?" or "; possible here: …". */
export function suggest(name: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  const nearest = distances.sort((a, b) => a.distance - b.distance)[0];
  if (nearest && nearest.distance <= Math.min(MAX_SUGGESTION_DISTANCE, nearest.candidate.length / 2)) {
    return `, did you mean ${nearest.candidate}?`;
  }
  return `; possible here: ${known.join(', ')}`;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function withArticle(type: string): string {
  const words: Record<string, string> = {
    array: 'a list',
    object: 'a map',
    integer: 'a whole number',
    null: 'nothing',
  };
  return words[type] ?? `a ${type}`;
}

/** A value in a sentence: of text at most 100 characters, of anything else as many of its JSON. */
export function show(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : shortOnOneLine(JSON.stringify(value) ?? 'nothing', MAX_QUOTATION);
}
