/**
 * Reads a schema into a tree and finds what is wrong with it: words that are none, values that a keyword does not take,
 * patterns outside of RE2, and `$ref`s (see references.ts). Nothing is ever fetched.
 */
import { isPlainObject } from './json-data.ts';
import { problemOfUnknownKeyword, problemOfValue } from './keyword-values.ts';
import { DRAFT_07, DRAFT_2020_12, type Draft, KEYWORDS, type Keyword } from './keywords.ts';
import { linkReferences } from './references.ts';
import type { PlacedProblem, SchemaPath } from './schema-problem.ts';
import { MAX_PROBLEMS } from './schema-problem.ts';
import { type Child, childrenAt, type SchemaNode, type SchemaTree, said } from './schema-tree.ts';

/** Some 0.2 ms each to compile. */
const MAX_SCHEMAS = 5_000;

const DRAFTS: ReadonlyMap<string, Draft> = new Map([
  ['json-schema.org/draft/2020-12/schema', DRAFT_2020_12],
  ['json-schema.org/draft-07/schema', DRAFT_07],
]);

/** @param schema JSON data. The tree is good only when there are no problems. */
export function readSchema(schema: Readonly<Record<string, unknown>>): {
  readonly tree: SchemaTree;
  readonly problems: readonly PlacedProblem[];
} {
  const problems: PlacedProblem[] = [];
  const nodes: SchemaNode[] = [];
  const draft = draftOf(schema.$schema);
  if (draft === undefined) {
    const message =
      'must be "https://json-schema.org/draft/2020-12/schema" or "http://json-schema.org/draft-07/schema#"';
    problems.push({ path: ['$schema'], message });
  }
  const root = readNode(schema, [], { draft: draft ?? DRAFT_2020_12, nodes, problems });
  const tree = { root, nodes };
  if (nodes.length > MAX_SCHEMAS) problems.push({ path: [], message: `has more than ${MAX_SCHEMAS} schemas in it` });
  if (problems.length === 0) linkReferences(tree, draft ?? DRAFT_2020_12, problems);
  return { tree, problems: problems.slice(0, MAX_PROBLEMS) };
}

function draftOf(declared: unknown): Draft | undefined {
  if (declared === undefined) return DRAFT_2020_12;
  if (typeof declared !== 'string') return undefined;
  return DRAFTS.get(declared.replace(/^https?:\/\//, '').replace(/#$/, ''));
}

interface Reading {
  readonly draft: Draft;
  readonly nodes: SchemaNode[];
  readonly problems: PlacedProblem[];
}

function readNode(schema: unknown, path: SchemaPath, reading: Reading): SchemaNode {
  if (typeof schema === 'boolean' || !isPlainObject(schema)) {
    const node: SchemaNode = { path, says: schema !== false, children: [], target: undefined };
    reading.nodes.push(node);
    return node;
  }
  const children: Child[] = [];
  const node: SchemaNode = { path, says: schema, children, target: undefined };
  reading.nodes.push(node);
  for (const [word, value] of Object.entries(schema)) {
    if (value === undefined || word.startsWith('x-')) continue;
    const at = [...path, word];
    const keyword = KEYWORDS.get(word);
    if (keyword === undefined || (keyword.draft !== undefined && keyword.draft !== reading.draft)) {
      reading.problems.push({ path: at, message: problemOfUnknownKeyword(word, reading.draft) });
      continue;
    }
    const message = problemOfValue(keyword.kind, value, reading.draft);
    if (message !== undefined) reading.problems.push({ path: at, message });
    else children.push(...childrenOf(keyword, { value, at }, reading));
  }
  if (path.length > 0) checkInnerDraft(node, reading);
  checkRequired(node, reading);
  return node;
}

interface Holder {
  readonly value: unknown;
  /** The last is the keyword. */
  readonly at: SchemaPath;
}

function childrenOf({ kind, applies }: Keyword, { value, at }: Holder, reading: Reading): readonly Child[] {
  const keyword = String(at.at(-1));
  const read = (part: unknown, key: string | number | undefined): Child => {
    const path = key === undefined ? at : [...at, key];
    return { keyword, applies, key, node: readNode(part, path, reading) };
  };
  switch (kind) {
    case 'schema':
      return [read(value, undefined)];
    case 'schemas':
      return (value as readonly unknown[]).map(read);
    case 'schema or schemas':
      return Array.isArray(value) ? value.map(read) : [read(value, undefined)];
    case 'schema map':
    case 'schema pattern map':
      return Object.entries(value as object).map(([name, part]) => read(part, name));
    case 'dependency map':
      return Object.entries(value as object).flatMap(([name, part]) => (Array.isArray(part) ? [] : [read(part, name)]));
    default:
      return [];
  }
}

function checkInnerDraft(node: SchemaNode, { draft, problems }: Reading): void {
  const declared = said(node, '$schema');
  if (declared === undefined || draftOf(declared) === draft) return;
  problems.push({ path: [...node.path, '$schema'], message: `must be that of the whole schema, draft ${draft}` });
}

/** A typo in `required` of a closed object: no value could ever satisfy it. */
function checkRequired(node: SchemaNode, { problems }: Reading): void {
  const required = said(node, 'required');
  if (said(node, 'additionalProperties') !== false || !Array.isArray(required)) return;
  if (said(node, 'patternProperties') !== undefined) return;
  const known = new Set(childrenAt(node, 'properties').map(({ key }) => key));
  for (const [index, name] of required.entries()) {
    if (known.has(name)) continue;
    const message = `${JSON.stringify(name)} is not among the properties, and additionalProperties is false: no value fits`;
    problems.push({ path: [...node.path, 'required', index], message });
  }
}
