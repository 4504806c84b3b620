/**
 * JSON from strangers, as tokens, key sets and service cards need it: no duplicate member names, bounded nesting.
 *
 * RFC 8259 Section 4 leaves duplicates undefined and `JSON.parse` lets the last one win; another verifier may take the
 * first, and then two servers read two rights out of one signature (RFC 8725 Section 2.4 warns of such mix-ups).
 */

/** Of tokens and key sets. */
export const MAX_JSON_DEPTH = 8;

/** What is wrong with the text. The message holds nothing of the text, which may be a token. */
export class StrictJsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StrictJsonError';
  }
}

/** @throws StrictJsonError for text that is no JSON, nests deeper than `maxDepth`, or repeats a member name in one object. */
export function parseStrictJson(text: string, maxDepth = MAX_JSON_DEPTH): unknown {
  const value = parse(text);
  scan(text, maxDepth);
  return value;
}

/** The original error is dropped on purpose: V8 quotes the text in it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StrictJsonError('is not JSON');
  }
}

/** One pass over text that is known to be JSON. Each open object has its set of names, each open array undefined. */
function scan(text: string, maxDepth: number): void {
  const open: (Set<string> | undefined)[] = [];
  let isNameNext = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > maxDepth) throw new StrictJsonError(`nests deeper than ${maxDepth}`);
      isNameNext = character === '{';
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === ',') {
      isNameNext = open.at(-1) !== undefined;
    } else if (character === '"') {
      const end = endOfString(text, i);
      if (isNameNext) addName(open.at(-1), text.slice(i, end + 1));
      isNameNext = false;
      i = end;
    }
  }
}

/** Names are compared unescaped: "exp" and "\u0065xp" are one member. */
function addName(names: Set<string> | undefined, literal: string): void {
  const name: unknown = JSON.parse(literal);
  if (typeof name !== 'string' || names === undefined) return;
  if (names.has(name)) throw new StrictJsonError('repeats a member name');
  names.add(name);
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}
