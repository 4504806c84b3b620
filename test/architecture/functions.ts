/**
 * Where functions begin and end, found by their braces: good enough to measure them, blind to arrow functions without
 * a body. Works on what `codeOf` returns.
 */
import { lineAt } from './source-text.ts';

export interface FunctionExtent {
  /** The line of its first word, from 1. */
  readonly line: number;
  /** From that line to the closing brace, both included. */
  readonly lines: number;
}

const OPENERS = '([{';
const CLOSERS = ')]}';
const NOT_A_FUNCTION =
  /^\s*(?:export\s+|abstract\s+|default\s+|declare\s+)*(?:if|else|for|while|switch|catch|with|do|try|finally|case|class|interface|return|throw)\b/;
/** `name(…)`, `name(…): Type` or `function (…)`, but not `const x = name(…) ? {`: that ends in an operator. */
const SIGNATURE = /[\w$>\]]\s*\([\s\S]*\)(?:\s*:[\s\S]*[^?:=&|\s])?\s*$/;

/** `describe…(subject): void` does nothing but call describe() for whatever it is given. */
const GROUP_OF_TESTS = /^\s*(?:export )?function describe[A-Z]\w*\([\s\S]*\): void\s*$/;

export function functionsOf(code: string): FunctionExtent[] {
  return [...code.matchAll(/\{/g)].flatMap(({ index }) => {
    const start = headerStart(code, index);
    const header = code.slice(start, index);
    if (!isFunction(header, code.slice(0, start))) return [];
    const line = lineAt(code, start + (header.length - header.trimStart().length));
    return [{ line, lines: lineAt(code, closerOf(code, index)) - line + 1 }];
  });
}

function isFunction(header: string, before: string): boolean {
  // A describe() only groups tests.
  if (/\bdescribe(?:\.\w+)*\s*\([^()]*$/.test(before.slice(-200)) || /\bdescribe\b/.test(header)) return false;
  if (GROUP_OF_TESTS.test(header)) return false;
  if (/=>\s*$/.test(header)) return true;
  return !NOT_A_FUNCTION.test(header) && SIGNATURE.test(header);
}

/** Where the statement, member or argument begins that the brace at `brace` belongs to. */
function headerStart(code: string, brace: number): number {
  let angles = 0;
  for (let i = brace - 1; i >= 0; i--) {
    const character = code.charAt(i);
    if (character === ')' || character === ']' || (character === '}' && continues(code, i, brace))) {
      i = openerOf(code, i);
    } else if (character === '>' && code[i - 1] !== '=') angles++;
    else if (character === '<') angles--;
    else if (';{}(['.includes(character) || (character === ',' && angles <= 0)) return i + 1;
  }
  return 0;
}

/** Whether the text goes on after a closing brace, as it does after a type literal and does not after a block. */
function continues(code: string, closer: number, brace: number): boolean {
  return /^\s*(?:[>|&),\]=;]|$)/.test(code.slice(closer + 1, brace));
}

function openerOf(code: string, closer: number): number {
  let depth = 0;
  for (let i = closer; i >= 0; i--) {
    if (CLOSERS.includes(code.charAt(i))) depth++;
    if (OPENERS.includes(code.charAt(i)) && --depth === 0) return i;
  }
  return 0;
}

function closerOf(code: string, opener: number): number {
  let depth = 0;
  for (let i = opener; i < code.length; i++) {
    if (OPENERS.includes(code.charAt(i))) depth++;
    if (CLOSERS.includes(code.charAt(i)) && --depth === 0) return i;
  }
  return code.length;
}
