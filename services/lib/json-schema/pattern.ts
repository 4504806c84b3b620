/**
 * Regular expressions that others write, through RE2: the time is linear in the text whatever the pattern.
 *
 * RE2 reads what ECMA-262 writes (`\u00e9`, `(?<name>…)`) after a translation, and knows no lookaround and no
 * backreferences. `\s` is ASCII there.
 */
import { RE2JS } from 're2js';
import { shortOnOneLine } from '../printable.ts';

export interface TextPattern {
  test(text: string): boolean;
  /** Names pattern and flags: ajv takes patterns with the same text for one. */
  toString(): string;
}

/** Longer ones are machine-made, and cost memory. */
const MAX_CHARACTERS = 4_096;

/** @throws Error whose message says what RE2 does not know, for people */
export function compileTextPattern(pattern: string, flags = 'u'): TextPattern {
  if (pattern.length > MAX_CHARACTERS) throw new Error(`is longer than ${MAX_CHARACTERS} characters`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^error parsing regexp: /, '') : String(cause);
    const hint = 'patterns are RE2: no lookahead, no lookbehind, no backreference, at most 1000 repetitions';
    throw new Error(`is no pattern: ${shortOnOneLine(why, 100)} (${hint})`, { cause });
  }
  return { test: (text) => compiled.test(text), toString: () => `/${pattern}/${flags}` };
}
