/**
 * A runtime configuration as it stands in its file: its value, where each part of it is, and the mistakes found so far.
 */
import { relative } from 'node:path';
import { type Document, isCollection, isMap, isScalar, type Pair, type Scalar } from 'yaml';
import { formatPath, isObject, type Segments } from '#lib/schema/schema.ts';
import { readYaml, type YamlText, yamlValue } from '#lib/schema/yaml-documents.ts';
import { advice, surprises } from '#lib/schema/yaml-surprises.ts';
import type { Place, Problem } from './runtime-config.ts';

/** More of one file are not shown. */
export const MAX_PROBLEMS = 100;

/** "key": where the name of the part stands, for what is wrong with the name itself. */
export type Side = 'key' | 'value';

export class RuntimeDocument {
  /** As people know it. */
  readonly file: string;
  readonly #text: string;
  readonly #yaml: YamlText;
  readonly #problems: Problem[] = [];
  /** Of the whole file; undefined when it is no YAML of one document. */
  readonly value: unknown;

  constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
    this.#yaml = readYaml(text, MAX_PROBLEMS);
    for (const { offset, message } of this.#yaml.problems) this.#addAt(offset, message);
    this.value = this.#readValue();
  }

  /** By line and column; at most `MAX_PROBLEMS`. */
  get problems(): readonly Problem[] {
    return [...this.#problems].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS);
  }

  /** Of this part or of something inside it. */
  isBroken(segments: Segments): boolean {
    const path = formatPath(segments);
    return this.#problems.some((one) => one.path === path || /^[.[]/.test(insideOf(one.path, path)));
  }

  add(segments: Segments, message: string, side: Side = 'value'): void {
    this.addPlaced(this.place(segments, side), message);
  }

  /** For a mistake in another file: an SQL text, a module. */
  addPlaced(place: Place, message: string): void {
    if (this.#problems.length < MAX_PROBLEMS * 2) this.#problems.push({ ...place, message });
  }

  /** Where the part stands; where it does not, the deepest part of the path that does. */
  place(segments: Segments, side: Side = 'value'): Place {
    return this.#placeAt(this.#offsetOf(segments, side), formatPath(segments));
  }

  /** Where the first character of a text of several lines stands: below the "|" of a block. */
  textPlace(segments: Segments): Place {
    const node = this.#node(segments);
    const place = this.place(segments);
    if (!isScalar(node) || !node.range) return place;
    if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') return { ...place, column: place.column + 1 };
    if (node.type !== 'BLOCK_LITERAL' && node.type !== 'BLOCK_FOLDED') return place;
    return { ...place, line: place.line + 1, column: this.#indentOf(node as Scalar) + 1 };
  }

  #readValue(): unknown {
    const [document, second] = this.#yaml.documents;
    if (document === undefined) return this.#yaml.problems.length > 0 ? undefined : null;
    if (second !== undefined) {
      this.#addAt(second.range[0], 'holds more than one document; a file is one server, so split it');
      return undefined;
    }
    for (const word of surprises(document.contents, MAX_PROBLEMS)) this.#addAt(word.range?.[0] ?? 0, advice(word));
    const value = yamlValue(document);
    if (!(value instanceof Error)) return value;
    this.#addAt(0, value.message);
    return undefined;
  }

  #addAt(offset: number, message: string): void {
    this.addPlaced(this.#placeAt(offset, ''), message);
  }

  #placeAt(offset: number, path: string): Place {
    return { file: this.file, line: this.#yaml.lineOf(offset), column: this.#yaml.columnOf(offset), path };
  }

  get #document(): Document | undefined {
    return this.#yaml.documents[0];
  }

  #node(segments: Segments): unknown {
    return segments.length === 0 ? this.#document?.contents : this.#document?.getIn(segments, true);
  }

  #offsetOf(segments: Segments, side: Side): number {
    let node: unknown = this.#document?.contents;
    let offset = startOf(node) ?? 0;
    for (const segment of segments) {
      const pair = isMap(node) ? pairOf(node.items, segment) : undefined;
      const next: unknown = isCollection(node) ? node.get(segment, true) : undefined;
      if (next === undefined && pair === undefined) return offset;
      // A map or list of its own lines begins below its name, which is what people look for.
      const isNamed = pair !== undefined && (side === 'key' || !isScalar(next) || next.value === null);
      offset = (isNamed ? startOf(pair.key) : startOf(next)) ?? offset;
      node = next;
    }
    return offset;
  }

  #indentOf(block: Scalar): number {
    const [start = 0, end = start] = block.range ?? [];
    const lines = this.#text.slice(start, end).split('\n').slice(1);
    const written = lines.find((line) => line.trim() !== '') ?? '';
    const read =
      String(block.value)
        .split('\n')
        .find((line) => line.trim() !== '') ?? '';
    return Math.max(0, leadingSpaces(written) - leadingSpaces(read));
  }
}

/** The file as people know it: from the working folder when it lies below that. */
export function shownPath(file: string, workingFolder: string): string {
  const below = relative(workingFolder, file);
  return below === '' || below.startsWith('..') ? file : below;
}

/** What stands in the map below a name; nothing for what is no map. */
export function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function insideOf(path: string, outer: string): string {
  if (outer === '') return `.${path}`;
  return path.startsWith(outer) ? path.slice(outer.length) : '';
}

function pairOf(items: readonly Pair[], segment: string | number): Pair | undefined {
  return items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(segment));
}

function startOf(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) ? Number(range[0]) : undefined;
}

function leadingSpaces(line: string): number {
  return line.length - line.trimStart().length;
}
