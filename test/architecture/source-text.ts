/**
 * TypeScript as text, for rules that look at it: comments, strings, templates and regular expressions blanked out, so
 * that a word in one of them is not taken for code.
 *
 * Text scanning, because the compiler has no programming interface in JavaScript any more. It relies on the formatter:
 * what starts in column 0 is a statement of the module. Offsets and line numbers stay those of the file.
 */
import { dirname, join } from 'node:path/posix';
import type { SourceFile } from './repository.ts';

export interface Import {
  /** As written: "./clock.ts", "#lib/errors.ts", "pino". */
  readonly specifier: string;
  /** Path in the repository; undefined for a package. */
  readonly target: string | undefined;
  /** `import type`: gone at run time. */
  readonly typeOnly: boolean;
}

const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\//y;
const STRING = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
/** From a backtick, or the brace that ends an expression, to the next expression or the end. */
const TEMPLATE_PART = /[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;
/** What a `/` that begins a regular expression comes after; after anything else it divides. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+*%<>~^-]|\b(?:return|typeof|case|in|of|await|yield|=>))\s*$/;

/** The file with the contents of comments, strings, templates and regular expressions replaced by spaces. */
export function codeOf(text: string): string {
  let code = '';
  const openBraces: number[] = []; // one counter for each template expression that we are inside of
  while (code.length < text.length) {
    const at = code.length;
    const depth = openBraces.at(-1);
    const templatePart = text[at] === '`' || (text[at] === '}' && depth === 0) ? match(TEMPLATE_PART, text, at) : '';
    if (templatePart !== '') {
      if (text[at] === '}') openBraces.pop();
      if (templatePart.endsWith('${')) openBraces.push(0);
      code += blank(templatePart, 1);
      continue;
    }
    const literal = literalAt(text, at, code);
    if (literal === '' && depth !== undefined) {
      if (text[at] === '{') openBraces[openBraces.length - 1] = depth + 1;
      if (text[at] === '}') openBraces[openBraces.length - 1] = depth - 1;
    }
    code +=
      literal === '' ? text.charAt(at) : blank(literal, literal.startsWith('//') || literal.startsWith('/*') ? 0 : 1);
  }
  return code;
}

/** Every static and dynamic import and re-export. */
export function importsOf(file: SourceFile): Import[] {
  const statement = /\b(?:import|export)\b(\s+type\b)?[^;'"`()=]*\bfrom\s*['"]|\bimport\s*\(?\s*['"]/g;
  return [...codeOf(file.text).matchAll(statement)].map((found) => {
    const start = found.index + found[0].length;
    const specifier = file.text.slice(start, file.text.indexOf(file.text.charAt(start - 1), start));
    return { specifier, target: targetOf(specifier, file.path), typeOnly: found[1] !== undefined };
  });
}

/** Every match outside of comments and literals, as "path:line has match". The pattern needs the flag g. */
export function findInCode({ path, text }: SourceFile, pattern: RegExp): string[] {
  const code = codeOf(text);
  return [...code.matchAll(pattern)].map((found) => `${path}:${lineAt(code, found.index)} has ${found[0].trim()}`);
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function literalAt(text: string, at: number, before: string): string {
  const first = text[at];
  if (first === "'" || first === '"') return match(STRING, text, at);
  if (first !== '/') return '';
  const comment = match(COMMENT, text, at);
  if (comment !== '') return comment;
  return BEFORE_REGEXP.test(before.slice(-200)) ? match(REGEXP, text, at) : '';
}

function match(pattern: RegExp, text: string, at: number): string {
  const sticky = new RegExp(pattern); // lastIndex is state: never on a shared object
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0] ?? '';
}

/** Spaces for everything but line ends and the first and last `keep` characters. */
function blank(literal: string, keep: number): string {
  const inner = literal.slice(keep, literal.length - keep).replace(/[^\n]/g, ' ');
  return literal.slice(0, keep) + inner + (keep === 0 ? '' : literal.slice(-keep));
}

function targetOf(specifier: string, importer: string): string | undefined {
  if (specifier.startsWith('#lib/')) return `services/lib/${specifier.slice('#lib/'.length)}`;
  if (specifier.startsWith('#sdk/')) return `sdk/${specifier.slice('#sdk/'.length)}`;
  if (specifier.startsWith('#protos/')) return `protos/${specifier.slice('#protos/'.length)}`;
  return specifier.startsWith('.') ? join(dirname(importer), specifier) : undefined;
}
