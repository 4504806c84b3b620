/**
 * An offer: everything that a server declares, checked and compiled once, with its card. What handlers answer from; a reload
 * makes a new one and puts it in the place of the old.
 */

import { type FoundKey, type KeyTemplate, KeyTemplateTable, parseKeyTemplate } from '#lib/capability/key-template.ts';
import { isReservedServerName, isSegment, isServerName, quote } from '#lib/capability/name.ts';
import { compilePattern } from '#lib/capability/pattern.ts';
import { type CompiledSchema, compileSchema } from '#lib/json-schema/compile.ts';
import { SchemaProblem } from '#lib/json-schema/schema-problem.ts';
import { type Card, createCard } from './card.ts';
import type { ContextDeclaration, JsonSchema, ToolDeclaration } from './declaration.ts';

export interface Declared {
  /** Whom tokens must be meant for. */
  readonly name: string;
  /** Of the server, SemVer; at most 64 printable ASCII characters. */
  readonly version: string;
  readonly contexts: readonly ContextDeclaration[];
  readonly tools: readonly ToolDeclaration[];
  /** Patterns of the topics that it publishes to. Default: none. */
  readonly publishes?: readonly string[];
}

export type OfferPath = readonly (string | number)[];

/** One mistake. */
export interface OfferProblem {
  /** In `Declared`: ['tools', 0, 'input', 'properties', 'sku', 'pattern']. */
  readonly path: OfferPath;
  /** What is wrong and what to do, for people. */
  readonly message: string;
}

export interface OfferedContext {
  readonly declaration: ContextDeclaration;
  readonly template: KeyTemplate;
  readonly parameters: CompiledSchema;
}

export interface OfferedTool {
  readonly declaration: ToolDeclaration;
  readonly input: CompiledSchema;
  readonly output: CompiledSchema | undefined;
}

export interface Offer {
  readonly name: string;
  readonly version: string;
  readonly card: Card;
  /** @param key A legal name, as the guard lets through. */
  findContext(key: string): FoundKey<OfferedContext> | undefined;
  findTool(name: string): OfferedTool | undefined;
}

export type OfferResult =
  | { readonly ok: true; readonly offer: Offer }
  | { readonly ok: false; readonly problems: readonly OfferProblem[] };

/** Names that calls of another kind have (protocol.md Section 1.1). */
const RESERVED_TOOL = 'multimodal_exchange';
const NO_PARAMETERS: JsonSchema = Object.freeze({ type: 'object', additionalProperties: false });
const ANY_OBJECT: JsonSchema = Object.freeze({ type: 'object' });
/** A day. */
const MAX_TTL_MS = 86_400_000;
const VERSION = /^[\x21-\x7e]{1,64}$/;

/** Names every mistake at once. */
export function createOffer(declared: Declared): OfferResult {
  const problems: OfferProblem[] = [];
  const { name, version } = declared;
  checkIdentity(declared, problems);
  const contexts = offerContexts(declared.contexts, problems);
  const tools = offerTools(declared.tools, problems);
  const { publishes = [] } = declared;
  checkTopics(publishes, problems);
  if (problems.length > 0) return { ok: false, problems };
  const card = createCard({ name, version, contexts: contexts.offered, tools: [...tools.values()], publishes });
  if (typeof card === 'string') return { ok: false, problems: [{ path: [], message: card }] };
  const offer: Offer = {
    name,
    version,
    card,
    findContext: (key) => contexts.table.find(key),
    findTool: (tool) => tools.get(tool),
  };
  return { ok: true, offer: Object.freeze(offer) };
}

function checkIdentity({ name, version }: Declared, problems: OfferProblem[]): void {
  if (!isServerName(name)) {
    const rule = 'a letter, then up to 62 of A-Z a-z 0-9 _ . -';
    problems.push({ path: ['name'], message: `the name ${quote(name)} is not allowed: use ${rule}` });
  } else if (isReservedServerName(name)) {
    problems.push({ path: ['name'], message: `the name ${quote(name)} is the control plane's own` });
  }
  if (VERSION.test(version)) return;
  const message = `the version ${quote(version)} is not allowed: use a version such as 1.0.0, of at most 64 characters`;
  problems.push({ path: ['version'], message });
}

function checkTopics(publishes: readonly string[], problems: OfferProblem[]): void {
  for (const [i, topic] of publishes.entries()) {
    if (compilePattern(`event:publish:${topic}`) !== undefined) continue;
    problems.push({ path: ['publishes', i], message: `${quote(topic)} is no pattern of topics` });
  }
}

function offerContexts(declarations: readonly ContextDeclaration[], problems: OfferProblem[]) {
  const table = new KeyTemplateTable<OfferedContext>();
  const offered: OfferedContext[] = [];
  for (const [i, declaration] of declarations.entries()) {
    const path = ['contexts', i];
    const template = parseKeyTemplate(declaration.key);
    const parameters = compileObject(declaration.parameters ?? NO_PARAMETERS, {
      closed: true,
      path: [...path, 'parameters'],
      problems,
    });
    const ttlMs = declaration.cache?.ttlMs ?? 1;
    if (!(ttlMs > 0 && ttlMs <= MAX_TTL_MS)) {
      problems.push({ path: [...path, 'cache', 'ttlMs'], message: `must be more than 0 and at most ${MAX_TTL_MS}` });
    }
    if (typeof template === 'string') problems.push({ path: [...path, 'key'], message: template });
    if (typeof template === 'string' || parameters === undefined) continue;
    const context = { declaration, template, parameters };
    const other = table.add(template, context);
    if (other === undefined) offered.push(context);
    else problems.push({ path: [...path, 'key'], message: sameKeys(declaration.key, other.text) });
  }
  return { table, offered };
}

function sameKeys(key: string, other: string): string {
  if (key === other) return `the key ${quote(key)} is declared twice`;
  return `the keys ${quote(key)} and ${quote(other)} stand for the same keys: no fixed segment tells them apart`;
}

function offerTools(
  declarations: readonly ToolDeclaration[],
  problems: OfferProblem[],
): ReadonlyMap<string, OfferedTool> {
  const tools = new Map<string, OfferedTool>();
  for (const [i, declaration] of declarations.entries()) {
    const path = ['tools', i];
    const { name, output } = declaration;
    const problem = toolNameProblem(name, tools);
    if (problem !== undefined) problems.push({ path: [...path, 'name'], message: problem });
    const input = compileObject(declaration.input ?? ANY_OBJECT, { closed: false, path: [...path, 'input'], problems });
    const compiledOutput = output && compile(output, { closed: false, path: [...path, 'output'], problems });
    if (input !== undefined) tools.set(name, { declaration, input, output: compiledOutput });
  }
  return tools;
}

/** Narrower than the protocol, which allows "." and "-" in front: no right could name such a tool. */
function toolNameProblem(name: string, others: ReadonlyMap<string, unknown>): string | undefined {
  if (!isSegment(name) || !/^[\w.-]+$/.test(name)) {
    return `the name ${quote(name)} is not allowed: use a letter, a digit or _, then up to 127 of A-Z a-z 0-9 _ . -`;
  }
  if (name === RESERVED_TOOL) return `the name ${name} is reserved for sessions`;
  return others.has(name) ? `the tool ${name} is declared twice` : undefined;
}

/** What parameters and arguments are checked against: they are an object, whatever else is said of them. */
function compileObject(schema: JsonSchema, place: SchemaPlace): CompiledSchema | undefined {
  const { type } = schema;
  if (type === undefined || type === 'object') return compile(schema, place);
  const message = `must be "object", since what it describes has names; it is ${quote(JSON.stringify(type))}`;
  place.problems.push({ path: [...place.path, 'type'], message });
  return undefined;
}

function compile(schema: JsonSchema, { closed, path, problems }: SchemaPlace): CompiledSchema | undefined {
  try {
    return compileSchema(schema, { closed });
  } catch (error) {
    if (!(error instanceof SchemaProblem)) throw error;
    for (const problem of error.problems) {
      problems.push({ path: [...path, ...problem.path], message: problem.message });
    }
    return undefined;
  }
}

interface SchemaPlace {
  readonly closed: boolean;
  readonly path: OfferPath;
  readonly problems: OfferProblem[];
}
