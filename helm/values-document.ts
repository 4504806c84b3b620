/**
 * values.yaml as a tree: each value with its comment, its default and what the lines "@schema", "@trait", "@entries", "@once"
 * and "@later" in it add. The schema and the page are written from it, so that a value is described in one place.
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
  /** The line "@trait" of this value or of one around it: which components it is for (see `meets`). */
  readonly trait?: string;
  /** It may be left out: what stands for it is in another place. */
  readonly isInherited?: boolean;
  /** The line "@entries": a map whose entries hold what stands beside it. */
  readonly hasEntries?: boolean;
  /** The line "@once": of the section, not of each entry. */
  readonly isOnce?: boolean;
  /** The line "@later": values that `--reuse-values` keeps from a chart before it lack it, and need not hold it. */
  readonly isLater?: boolean;
  /** What an entry may hold; the section's traits decide that (component-values.ts). */
  readonly entry?: readonly Value[];
  /** Empty unless the default is a map that this file describes key by key. */
  readonly children: readonly Value[];
}

/** @throws Error that lists every value without a comment, and what is no YAML. */
export function readValues(text: string): readonly Value[] {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  if (!isMap(document.contents)) throw new Error('values.yaml must hold a map');
  const values = childrenOf(document.contents, { prefix: '' });
  const silent = allOf(values).filter(({ description }) => description === '');
  if (silent.length > 0) throw new Error(`values without a comment: ${silent.map(({ path }) => path).join(', ')}`);
  return values;
}

/** Depth first, a value before those inside it. */
export function allOf(values: readonly Value[]): readonly Value[] {
  return values.flatMap((value) => [value, ...allOf(value.children)]);
}

interface Parent {
  readonly prefix: string;
  readonly trait?: string | undefined;
}

function childrenOf(map: YAMLMap, parent: Parent): Value[] {
  return map.items.map((pair, i) => {
    const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    // A comment before the first key of a map belongs to the map for the parser.
    const above = (isNode(pair.key) ? pair.key.commentBefore : undefined) ?? (i === 0 ? map.commentBefore : undefined);
    return readValue(pair.value as Node | null, { ...parent, key, comment: above ?? '' });
  });
}

interface Place extends Parent {
  readonly key: string;
  readonly comment: string;
}

function readValue(node: Node | null, { prefix, trait: around, key, comment }: Place): Value {
  // The comment at the top of the file ends with an empty line.
  const lines = (comment.split(/\n\s*\n/).at(-1) ?? '').split('\n').map((line) => line.trim());
  const schema = Object.assign({}, ...annotations(lines, 'schema')) as Record<string, unknown>;
  const trait = (annotations(lines, 'trait')[0] as string | undefined) ?? around;
  const description = lines
    .filter((line) => !/^@(?:(?:schema|trait)\s|(?:entries|once|later)$)/.test(line))
    .join(' ')
    .replace(/^--\s+/, '')
    .trim();
  const isDescribed = isMap(node) && node.items.length > 0 && !('$ref' in schema);
  const path = `${prefix}${key}`;
  return {
    path,
    key,
    description,
    default: node === null ? null : node.toJSON(),
    schema,
    ...(trait === undefined ? {} : { trait }),
    ...(lines.includes('@entries') ? { hasEntries: true } : {}),
    ...(lines.includes('@once') ? { isOnce: true } : {}),
    ...(lines.includes('@later') ? { isLater: true } : {}),
    children: isDescribed ? childrenOf(node, { prefix: `${path}.`, trait }) : [],
  };
}

/** The rest of the lines "@word …" as YAML: "@schema {minimum: 1}" or "@schema minimum: 1". */
function annotations(lines: readonly string[], word: string): unknown[] {
  return lines.filter((line) => line.startsWith(`@${word} `)).map((line) => parse(line.slice(word.length + 2)));
}
