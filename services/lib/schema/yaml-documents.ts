/**
 * The documents of one YAML text, as kubectl reads them, with an end to the work: every limit is counted in what the text
 * is made of, before any step whose cost grows faster than that.
 *
 * The library compares each key of a map with all before it, finds the anchor of each alias anew, and recurses into what
 * is nested; 64 KiB are enough to keep it busy for minutes or to end its stack. So words are counted as they are read,
 * nesting and aliases too, and that no key stands twice is asked here, once a key.
 */
import {
  Composer,
  CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type YAMLMap,
} from 'yaml';
import { onOneLine, quoted, shortOnOneLine } from '../printable.ts';
import { kubectlScalars } from './yaml-scalars.ts';

type Token = CST.Token;
type ParsedDocument = Document.Parsed;

export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
}

export interface YamlText {
  /** Empty when there are problems. */
  readonly documents: readonly ParsedDocument[];
  readonly problems: readonly YamlProblem[];
  /** From 1. */
  lineOf(offset: number): number;
  /** From 1. */
  columnOf(offset: number): number;
}

/** More documents in one text are refused. */
export const MAX_DOCUMENTS = 1000;
/** Keys, values and marks. A text of 1 MiB that somebody wrote has fewer. */
export const MAX_PARTS = 100_000;
export const MAX_DEPTH = 64;
export const MAX_ALIASES = 100;

const MAX_MESSAGE_CHARACTERS = 160;
const MAX_ANCHOR = 60;

/** @param maxProblems No more are looked for. */
export function readYaml(text: string, maxProblems: number): YamlText {
  const lines = new LineCounter();
  const lineOf = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const columnOf = (offset: number) => Math.max(1, lines.linePos(offset).col);
  const refused = (...problems: readonly YamlProblem[]) => ({ documents: [], problems, lineOf, columnOf });
  const tokens = scan(text, lines);
  if (!Array.isArray(tokens)) return refused(tokens);
  const options = { prettyErrors: false, uniqueKeys: false, merge: false, customTags: kubectlScalars } as const;
  const documents = [...new Composer(options).compose(tokens, false, text.length)];
  if (documents.length > MAX_DOCUMENTS) return refused(at(0, `holds more than ${MAX_DOCUMENTS} documents; split it`));
  const problems = documents.flatMap(syntaxProblem).slice(0, maxProblems);
  if (problems.length > 0) return refused(...problems);
  const found: YamlProblem[] = [];
  for (const { contents } of documents) checkNode(contents, { found, maxProblems, anchors: [] });
  return found.length > 0 ? refused(...found) : { documents, problems: [], lineOf, columnOf };
}

/** An alias that leads nowhere, or aliases that multiply, are only found here. */
export function yamlValue(document: ParsedDocument): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    return new Error(shorten(error instanceof Error ? error.message : 'cannot be read'));
  }
}

/** @returns the tokens, or which limit was reached where. */
function scan(text: string, lines: LineCounter): Token[] | YamlProblem {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  const tokens: Token[] = [];
  let parts = 0;
  let aliases = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const type = CST.tokenType(lexeme);
    if (type !== null && !UNCOUNTED.has(type)) parts += 1;
    if (type === 'alias') aliases += 1;
    if (parts > MAX_PARTS) return at(parser.offset, `holds more than ${MAX_PARTS} keys, values and marks; split it`);
    if (aliases > MAX_ALIASES) return at(parser.offset, `holds more than ${MAX_ALIASES} aliases; write the values out`);
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_DEPTH) return at(parser.offset, `nests deeper than ${MAX_DEPTH}`);
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

const UNCOUNTED: ReadonlySet<string> = new Set(['space', 'newline', 'comment', 'byte-order-mark', 'comma']);

/** The first of each document: what follows it is mostly its consequence. A tag that means nothing is a warning only. */
function syntaxProblem({ errors: [error], warnings: [warning] }: ParsedDocument): YamlProblem[] {
  const first = error ?? warning;
  return first === undefined ? [] : [at(first.pos[0], shorten(first.message))];
}

interface Check {
  readonly found: YamlProblem[];
  readonly maxProblems: number;
  /** Of the maps and lists that the node lies in. */
  readonly anchors: readonly string[];
}

/** Goes through everything; as deep as `MAX_DEPTH` lets it. */
function checkNode(node: unknown, check: Check): void {
  const { found, maxProblems, anchors } = check;
  if (found.length >= maxProblems) return;
  if (isAlias(node) && anchors.includes(node.source))
    found.push(
      at(
        offsetIn(node),
        `*${shortOnOneLine(node.source, MAX_ANCHOR)} stands inside of what it stands for; write the values out`,
      ),
    );
  if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value))
    found.push(
      at(offsetIn(node), `${quoted(String(node.source))} is not a number that JSON has; use another, or quote it`),
    );
  if (!isMap(node) && !isSeq(node)) return;
  const inner = node.anchor === undefined ? check : { ...check, anchors: [...anchors, node.anchor] };
  if (isSeq(node)) for (const item of node.items) checkNode(item, inner);
  else checkMap(node, inner);
}

function checkMap(map: YAMLMap, check: Check): void {
  const { found, maxProblems } = check;
  const seen = new Set<string>();
  for (const { key, value } of map.items) {
    if (found.length >= maxProblems) return;
    const problem = keyProblem(key, seen);
    if (problem !== undefined) found.push(at(offsetIn(key) || offsetIn(map), problem));
    checkNode(value, check);
  }
}

/** As kubectl turns keys into those of JSON: numbers and truth values become text; nothing else may be one. */
function keyProblem(key: unknown, seen: Set<string>): string | undefined {
  if (isAlias(key) || !isScalar(key) || key.value === null || typeof key.value === 'object') {
    return 'a key must be text; quote it';
  }
  const name = String(key.value);
  if (name === '<<' && key.type === 'PLAIN') return 'merge keys (<<) are not read; write the fields out';
  if (seen.has(name)) return `the key ${quoted(name)} stands in this map twice; remove one`;
  seen.add(name);
  return undefined;
}

function offsetIn(node: unknown): number {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) ? Number(range[0]) : 0;
}

function at(offset: number, message: string): YamlProblem {
  return { offset, message };
}

/** The parser quotes what it stumbled over, however long that is. */
function shorten(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line.length > MAX_MESSAGE_CHARACTERS ? shortOnOneLine(line, MAX_MESSAGE_CHARACTERS) : onOneLine(line);
}
