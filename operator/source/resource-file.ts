/**
 * From the text of one YAML file to resources, or to problems with the line they stand in. Pure, and bounded: see
 * `readYaml`. Whoever serves runs it in another thread all the same (`reader/`).
 *
 * A file may hold several documents, and lists. One broken document spoils the whole file: half of it would be a state
 * that nobody wrote.
 */
import { type Document, isMap, isScalar } from 'yaml';
import { onOneLine } from '#lib/printable.ts';
import { type DocumentKind, kindOfDocument } from '#lib/schema/document-kind.ts';
import { formatPath, type Segments } from '#lib/schema/schema.ts';
import { MAX_PROBLEMS } from '#lib/schema/structure.ts';
import { readYaml, yamlValue } from '#lib/schema/yaml-documents.ts';
import { offsetOf } from '#lib/schema/yaml-place.ts';
import { advice, isSurprising, meaning, surprises } from '#lib/schema/yaml-surprises.ts';
import { KIND, type Mcp2Server, type ParseMcp2Server } from '../server/resource.ts';
import { type Member, membersOf, otherKind } from './resource-kind.ts';

export interface FileProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; absent where only the line is known. */
  readonly column?: number;
  readonly message: string;
}

export interface ReadOk {
  readonly ok: readonly Mcp2Server[];
  readonly problems?: undefined;
  /** Kinds that were skipped, each once; absent where there are none. */
  readonly others?: readonly string[];
  /** It configures a runtime server, and defines no resource itself. Absent where it does not. */
  readonly isRuntime?: true;
  /** There is nothing in it, not even a comment: somebody may be about to write it. */
  readonly isBlank?: true;
  /** Words that other readers of YAML take for something else. Absent where there are none. */
  readonly remarks?: readonly FileProblem[];
}

export interface ReadProblems {
  readonly ok?: undefined;
  /** The first `MAX_PROBLEMS`. */
  readonly problems: readonly FileProblem[];
}

export type ReadResources = ReadOk | ReadProblems;

/** More resources in one file are refused. */
export const MAX_RESOURCES = 1000;
/** A larger file is refused. */
export const MAX_FILE_BYTES = 1024 * 1024;

export interface ReadOptions {
  /** True where a manifest may also hold what a cluster needs beside the server, a Deployment for example. */
  readonly skipOtherKinds?: boolean;
}

export function readResources(
  file: string,
  text: string,
  parse: ParseMcp2Server,
  { skipOtherKinds = false }: ReadOptions = {},
): ReadResources {
  const { documents, problems: refusals, lineOf } = readYaml(text, MAX_PROBLEMS);
  const problem = (offset: number, message: string): FileProblem => ({ file, line: lineOf(offset), message });
  if (refusals.length > 0) return { problems: refusals.map(({ offset, message }) => problem(offset, message)) };
  if (documents.some((document) => kindOf(document) === 'runtime')) return { ok: [], isRuntime: true };
  if (text.trim() === '') return { ok: [], isBlank: true };
  const resources: Mcp2Server[] = [];
  const problems: FileProblem[] = [];
  const remarks: FileProblem[] = [];
  const others = new Set<string>();
  for (const document of documents) {
    for (const member of readMembers(document)) {
      if (problems.length >= MAX_PROBLEMS) break;
      if (resources.length >= MAX_RESOURCES)
        return { problems: [problem(0, `holds more than ${MAX_RESOURCES} servers; split it`)] };
      const read = readMember(document, member, parse);
      if (read.other !== undefined) others.add(read.other);
      const isForeign = read.other !== undefined && !skipOtherKinds;
      const wrong = isForeign ? [foreignKind(document, member, read.other)] : read.problems;
      problems.push(...wrong.map(({ offset, message }) => problem(offset, message)));
      if (read.resource === undefined) continue;
      resources.push(read.resource);
      for (const { offset, message } of readings(document, member)) remarks.push(problem(offset, message));
    }
  }
  if (problems.length > 0) return { problems: problems.slice(0, MAX_PROBLEMS) };
  return {
    ok: resources,
    ...(others.size > 0 ? { others: [...others].slice(0, MAX_PROBLEMS) } : {}),
    ...(remarks.length > 0 ? { remarks: remarks.slice(0, MAX_PROBLEMS) } : {}),
  };
}

/** The name of a file is foreign, too. */
export function formatProblem({ file, line, column, message }: FileProblem): string {
  return `${onOneLine(file)}:${line}${column === undefined ? '' : `:${column}`}: ${message}`;
}

interface Placed {
  readonly offset: number;
  readonly message: string;
}

interface ReadMember {
  readonly resource?: Mcp2Server;
  readonly other?: string | undefined;
  readonly problems: readonly Placed[];
}

/** By what stands at its top: the rest of it may be large. */
function kindOf({ contents }: Document.Parsed): DocumentKind {
  if (!isMap(contents)) return 'resource';
  return kindOfDocument(Object.fromEntries(contents.items.map(({ key }) => [isScalar(key) ? key.value : '', true])));
}

function readMembers(document: Document.Parsed): readonly Member[] {
  const value = yamlValue(document);
  return value === null || value === undefined ? [] : membersOf(value);
}

function readMember(document: Document.Parsed, { value, segments }: Member, parse: ParseMcp2Server): ReadMember {
  const start = offsetOf(document, segments);
  if (value instanceof Error) return { problems: [{ offset: document.range[0], message: value.message }] };
  const other = otherKind(value);
  if (other !== undefined) return { other, problems: [] };
  const parsed = parse(value, { allowLoopback: true });
  if (parsed.ok) return { resource: asWritten(parsed.ok), problems: [] };
  return {
    problems: parsed.problems.map((one) => {
      const place = [...segments, ...one.segments];
      const path = place.length === 0 ? '' : `${formatPath(place)}: `;
      const offset = one.segments.length === 0 ? start : offsetOf(document, place);
      return { offset, message: `${path}${one.message}${readAs(document, place)}` };
    }),
  };
}

function foreignKind(document: Document.Parsed, { segments }: Member, other: string): Placed {
  const message = `only ${KIND} of mcp2.dev/v1alpha1 is read here; move the ${other} to another folder`;
  return { offset: offsetOf(document, [...segments, 'kind']), message };
}

/** Without what only an API server writes: a file that was exported from a cluster brings status and managed fields along. */
function asWritten({ apiVersion, kind, metadata, spec }: Mcp2Server): Mcp2Server {
  const { name, namespace, labels, annotations } = metadata;
  const written = { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) };
  return { apiVersion, kind, metadata: written, spec };
}

/** Why a word is not the text that it looks like; nothing where it is what it looks like. */
function readAs(document: Document.Parsed, segments: Segments): string {
  const node: unknown = segments.length === 0 ? undefined : document.getIn(segments, true);
  return isSurprising(node) ? ` (${meaning(node)})` : '';
}

/** What YAML 1.2 reads as text or as another number. */
function readings(document: Document.Parsed, { segments }: Member): Placed[] {
  const node = segments.length === 0 ? document.contents : document.getIn(segments, true);
  return surprises(node, MAX_PROBLEMS).map((word) => ({ offset: word.range?.[0] ?? 0, message: advice(word) }));
}
