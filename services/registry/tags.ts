/** Tags: small labels that a server declares and a caller selects by equality. */
import { quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';

export const MAX_TAGS = 32;
export const MAX_TAG_VALUE_CHARACTERS = 128;
/** Printable ASCII; may be empty. */
export const TAG_VALUE = /^[\x20-\x7e]{0,128}$/;

const TAG_KEY = /^[a-z0-9./-]{1,63}$/;

/** @throws ServiceError TAG_INVALID. `what` names the field for the caller. */
export function checkTags(tags: Readonly<Record<string, string>>, what: string): readonly [string, string][] {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) throw invalid(`${what} has ${entries.length} entries; at most ${MAX_TAGS}`);
  for (const [key, value] of entries) {
    if (!TAG_KEY.test(key)) throw invalid(`${what} has the key ${quote(key)}; use 1 to 63 of a-z 0-9 . / -`);
    if (!TAG_VALUE.test(value)) {
      const rule = `use at most ${MAX_TAG_VALUE_CHARACTERS} printable ASCII characters`;
      throw invalid(`${what} has the value ${quote(value)} under ${key}; ${rule}`);
    }
  }
  return entries;
}

function invalid(message: string): ServiceError {
  return new ServiceError('TAG_INVALID', message);
}
