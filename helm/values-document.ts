/**
 * values.yaml as a tree: each value with its comment, its default and what the line "@schema" in that comment adds. The
 * schema and the page are written from it, so that a value is described in one place.
 */
import { isMap, isNode, isScalar, type Node, parse, parseDocument, type YAMLMap } from 'yaml';

export interface Value {
  /** In dots, for example "registry.service.port". */
  readonly path: string;
  readonly key: string;
  /** On one line. */
  readonly description: string;
  readonly default: unknown;
  /** JSON Schema keywords beyond the type of the default. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Empty unless the default is a map that this file describes key by key. */
  readonly children: readonly Value[];
}

/** @throws Error that lists every value without a comment, and what is no YAML. */
export function readValues(text: string): readonly Value[] {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  if (!isMap(document.contents)) throw new Error('values.yaml must hold a map');
  const values = childrenOf(document.contents, '');
  const silent = allOf(values).filter(({ description }) => description === '');
  if (silent.length > 0) throw new Error(`values without a comment: ${silent.map(({ path }) => path).join(', ')}`);
  return values;
}

/** Depth first, a value before those inside it. */
export function allOf(values: readonly Value[]): readonly Value[] {
  return values.flatMap((value) => [value, ...allOf(value.children)]);
}

function childrenOf(map: YAMLMap, prefix: string): Value[] {
  return map.items.map((pair, i) => {
    const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    // A comment before the first key of a map belongs to the map for the parser.
    const above = (isNode(pair.key) ? pair.key.commentBefore : undefined) ?? (i === 0 ? map.commentBefore : undefined);
    return readValue(pair.value as Node | null, { path: `${prefix}${key}`, key, comment: above ?? '' });
  });
}

interface Place {
  readonly path: string;
  readonly key: string;
  readonly comment: string;
}

function readValue(node: Node | null, { path, key, comment }: Place): Value {
  // The comment at the top of the file ends with an empty line.
  const lines = (comment.split(/\n\s*\n/).at(-1) ?? '').split('\n').map((line) => line.trim());
  const schema = Object.assign({}, ...lines.flatMap(annotationOf)) as Record<string, unknown>;
  const description = lines
    .filter((line) => annotationOf(line).length === 0)
    .join(' ')
    .replace(/^--\s+/, '')
    .trim();
  const isDescribed = isMap(node) && node.items.length > 0 && !('$ref' in schema);
  return {
    path,
    key,
    description,
    default: node === null ? null : node.toJSON(),
    schema,
    children: isDescribed ? childrenOf(node, `${path}.`) : [],
  };
}

/** "@schema {minimum: 1}" or "@schema minimum: 1". */
function annotationOf(line: string): Record<string, unknown>[] {
  const text = /^@schema\s+(.+)$/.exec(line)?.[1];
  return text === undefined ? [] : [parse(text) as Record<string, unknown>];
}
