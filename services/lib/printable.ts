/**
 * Text of others' making in a sentence of ours: it must not move the cursor, add lines, turn them around, or give orders
 * to whatever reads the lines.
 *
 * CI runners obey lines of a step's output: GitHub one that begins with "::" (after spaces), and "##[" anywhere in it;
 * Azure "##vso[", TeamCity "##teamcity[". So foreign text is made harmless where it enters a message, whether the
 * message then goes to a terminal, a pipe or a log.
 */

/** For a part of a line. What is not seen becomes a space, what a CI runner would obey is broken up. */
export function onOneLine(text: string): string {
  return text.replace(UNSEEN, ' ').replace(ANYWHERE_COMMAND, '# #').replace(LEADING_COMMAND, '$1\\::');
}

/** The same, cut: "abc …". @param maxCharacters More than a few. */
export function shortOnOneLine(text: string, maxCharacters: number): string {
  // A cut through a surrogate pair would leave half a character.
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters).replace(HALF_CHARACTER, '')} …` : text;
  return onOneLine(cut);
}

/** Foreign text that stands in a sentence as a quotation: "a\nb" with the quotes, at most 100 characters of it. */
export function quoted(text: string): string {
  return `"${shortOnOneLine(text, MAX_QUOTATION)}"`;
}

/** For whatever reaches a terminal: lines, tabs and colours stay, everything else that is not seen goes. */
export function harmless(text: string): string {
  return text.replace(MAYBE_COLOUR_OR_UNSEEN, (found) => {
    if (found === '\n' || found === '\t' || found.startsWith('\u001b[')) return found;
    return found.includes('[') ? found.slice(1) : '';
  });
}

/**
 * In JSON text, and in YAML text between double quotes: what `onOneLine` would change, as its escape. The same data for a
 * program. Lines of the text itself stay.
 */
export function escapeUnseen(text: string): string {
  const escapeAll = (found: string) => Array.from(found.split(''), (unit) => escapeUnit(unit.charCodeAt(0))).join('');
  return text
    .replace(UNSEEN, (found) => (found === '\n' ? found : escapeAll(found)))
    .replace(ANYWHERE_COMMAND, `#${escapeUnit(0x23)}`);
}

/** True for text that `escapeUnseen` would change, and for more than one line. */
export function hasUnseen(text: string): boolean {
  return text.search(UNSEEN) !== -1 || text.search(ANYWHERE_COMMAND) !== -1;
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

const MAX_QUOTATION = 100;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const ANYWHERE_COMMAND = /##(?=\w*\[)/g;
const LEADING_COMMAND = /^(\s*)::/;
const HALF_CHARACTER = /[\ud800-\udbff]$/;
/** ECMA-48 Section 8.3.117, Select Graphic Rendition, which `style` writes; begins with any control character here. */
const MAYBE_COLOUR_OR_UNSEEN = /\p{Cc}\[[0-9;]*m|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
