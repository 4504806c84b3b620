/**
 * From the text of one YAML file to resources, or to problems with the line they stand in. Pure.
 *
 * A file may hold several documents. One broken document spoils the whole file: half of it would be a state that
 * nobody wrote.
 */
import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { offsetOf } from '#lib/schema/yaml-place.ts';
import type { Mcp2Server, ParseMcp2Server } from '../server/resource.ts';

export interface FileProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export type ReadResources =
  | { readonly ok: readonly Mcp2Server[]; readonly problems?: undefined }
  | { readonly ok?: undefined; readonly problems: readonly FileProblem[] };

/** More documents in one file are refused. */
export const MAX_DOCUMENTS = 1000;

const MAX_MESSAGE_CHARACTERS = 160;

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
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: false });
  if (!Array.isArray(documents)) return { ok: [] };
  const problem = (offset: number, message: string): FileProblem => ({
    file,
    line: lines.linePos(offset).line,
    message,
  });
  if (documents.length > MAX_DOCUMENTS) {
    return { problems: [{ file, line: 1, message: `holds more than ${MAX_DOCUMENTS} documents; split it` }] };
  }
  // The first of each document: what follows it is mostly its consequence.
  const syntax = documents.flatMap(({ errors: [error] }) =>
    error === undefined ? [] : [problem(error.pos[0], shorten(error.message))],
  );
  if (syntax.length > 0) return { problems: syntax };
  const resources: Mcp2Server[] = [];
  const problems: FileProblem[] = [];
  for (const document of documents) {
    const value = toValue(document);
    if (value instanceof Error) {
      problems.push(problem(document.range?.[0] ?? 0, value.message));
      continue;
    }
    if (value === null || value === undefined) continue;
    const other = otherKind(value);
    if (other !== undefined) {
      const message = `only Mcp2Server of mcp2.dev/v1alpha1 is read here; move the ${other} to another folder`;
      if (!skipOtherKinds) problems.push(problem(offsetOf(document, ['kind']), message));
      continue;
    }
    const parsed = parse(value, { allowLoopback: true });
    if (parsed.ok) resources.push(parsed.ok);
    else {
      for (const { path, message, segments } of parsed.problems) {
        problems.push(problem(offsetOf(document, segments), path === '' ? message : `${path}: ${message}`));
      }
    }
  }
  return problems.length > 0 ? { problems } : { ok: resources };
}

export function formatProblem({ file, line, message }: FileProblem): string {
  return `${file}:${line}: ${message}`;
}

/** "Deployment of apps/v1" for a resource of another group; undefined for ours, and for what is no resource at all. */
function otherKind(value: unknown): string | undefined {
  const { apiVersion, kind } = value as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  return apiVersion.startsWith('mcp2.dev/') || kind === 'Mcp2Server' ? undefined : `${kind} of ${apiVersion}`;
}

/** An alias that leads nowhere, or aliases that multiply, are only found here. */
function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return error instanceof Error ? error : new Error('cannot be read');
  }
}

/** The parser quotes what it stumbled over, however long that is. */
function shorten(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line.length > MAX_MESSAGE_CHARACTERS ? `${line.slice(0, MAX_MESSAGE_CHARACTERS)} …` : line;
}
