/**
 * The formats that are checked; any other is an annotation, as JSON Schema says (2020-12 validation, Section 7.2.1).
 *
 * The checks are ajv-formats', with a bound on the text: some of its expressions look at the rest of the text again for
 * each character. Not among them: `regex` (it asks JavaScript's engine), `url` (not of JSON Schema), `password`, `binary`.
 */
import type { FormatDefinition } from 'ajv';
import { fullFormats } from 'ajv-formats/dist/formats.js';

const CHECKED_TEXTS = [
  'date',
  'time',
  'date-time',
  'duration',
  'uri',
  'uri-reference',
  'uri-template',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
  'json-pointer',
  'relative-json-pointer',
] as const;

/** No text of these formats is longer in earnest. */
const MAX_CHARACTERS = 4_096;
/** RFC 4648 Section 4. Searched for, not matched as a whole: that recurses on text of megabytes. */
const NOT_BASE64 = /[^A-Za-z0-9+/]/;

export type Formats = Readonly<Record<string, FormatDefinition<string> | FormatDefinition<number>>>;

/** @param isKnown True for a text that is base64 by its making: a look at megabytes costs more than all else of a call. */
export function createFormats(isKnown: (text: string) => boolean = () => false): Formats {
  const texts = CHECKED_TEXTS.map((name): [string, FormatDefinition<string>] => {
    const check = checkOf(fullFormats[name]);
    return [name, { type: 'string', validate: (text) => text.length <= MAX_CHARACTERS && check(text) }];
  });
  return {
    ...Object.fromEntries(texts),
    byte: { type: 'string', validate: (text) => isKnown(text) || isCanonicalBase64(text) },
    int32: { type: 'number', validate: (value) => Number.isInteger(value) && Math.abs(value + 0.5) < 2 ** 31 },
    int64: { type: 'number', validate: Number.isInteger },
  };
}

/** With padding, without line ends, and with zero bits at the end (RFC 4648 Section 3.5): one text for the same bytes. */
export function isCanonicalBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (NOT_BASE64.test(text.slice(0, text.length - padding))) return false;
  const end = text.slice(-4);
  return Buffer.from(end, 'base64').toString('base64') === end;
}

function checkOf(format: unknown): (text: string) => boolean {
  if (format instanceof RegExp) return (text) => format.test(text);
  const { validate } = typeof format === 'function' ? { validate: format } : (format as { readonly validate: unknown });
  if (validate instanceof RegExp) return (text) => validate.test(text);
  return validate as (text: string) => boolean;
}
