/** Text of others' making, on a terminal: a name or a message must not move the cursor, add lines or turn them around. */

/** For a part of a line. */
export function onOneLine(text: string): string {
  return text.replace(UNSEEN, ' ');
}

/** For whatever reaches a terminal: lines, tabs and colours stay, everything else that is not seen goes. */
export function harmless(text: string): string {
  return text.replace(MAYBE_COLOUR_OR_UNSEEN, (found) => {
    if (found === '\n' || found === '\t' || found.startsWith('\u001b[')) return found;
    return found.includes('[') ? found.slice(1) : '';
  });
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** ECMA-48 Section 8.3.117, Select Graphic Rendition, which `style` writes; begins with any control character here. */
const MAYBE_COLOUR_OR_UNSEEN = /\p{Cc}\[[0-9;]*m|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
