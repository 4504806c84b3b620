/**
 * JSON Schema, compiled once and asked often: drafts 2020-12 (also when `$schema` is absent) and draft-07.
 *
 * Bounds. A schema has at most 128 Ki characters, 5,000 schemas in it and 56 levels; its patterns are RE2's, linear in the text. A check
 * takes time by the size of schema × value; where `$ref`s make more of it (a recursive schema with alternatives may look at
 * a value twice at each level), it ends after 100,000 of them. `uniqueItems` sorts nothing and compares nothing twice.
 *
 * On purpose other than the drafts: `format` is checked for the formats of formats.ts, `contentEncoding: base64` is checked,
 * siblings of a draft-07 `$ref` count, and `default` fills in (defaults.ts).
 */
import { createHash } from 'node:crypto';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { canonicalJson } from '../canonical-json.ts';
import { createFiller, hasDefaults } from './defaults.ts';
import { explainErrors } from './explain-error.ts';
import { createFormats } from './formats.ts';
import { findNoData } from './json-data.ts';
import { compileTextPattern } from './pattern.ts';
import { readSchema } from './read-schema.ts';
import { type PlacedProblem, SchemaProblem } from './schema-problem.ts';
import { type SchemaNode, type SchemaTree, said } from './schema-tree.ts';
import { STEP, toValidatorSchema } from './validator-schema.ts';
import { type WireForm, wireFormsOf } from './wire-form.ts';

export type CheckResult =
  /** With the defaults; the value itself where none was missing. */
  | { readonly ok: true; readonly value: unknown }
  /** `path`: "/items/0/sku", "" is the value itself. `message`: "must be a text, not a whole number". */
  | { readonly ok: false; readonly path: string; readonly message: string };

export interface CompiledSchema {
  /** As it was given. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** SHA-256 of the schema as it was given, as canonical JSON. */
  readonly hash: Buffer;
  /** How the bytes of each member are read; one that is not named is 'open'. */
  readonly forms: ReadonlyMap<string, WireForm>;
  /**
   * Never changes the value, and never throws for JSON data. Members that are undefined count as absent.
   *
   * @param base64 Texts in the value that the caller itself has made from bytes.
   */
  check(value: unknown, base64?: readonly string[]): CheckResult;
}

export interface CompileOptions {
  /**
   * True: the value is an object, and where the schema says nothing about members that it does not name, there are none.
   */
  readonly closed: boolean;
}

const MAX_CHARACTERS = 128 * 1024;
const MAX_STEPS = 100_000;

/** @throws SchemaProblem that names the place */
export function compileSchema(schema: Readonly<Record<string, unknown>>, { closed }: CompileOptions): CompiledSchema {
  const noData = findNoData(schema);
  if (noData !== undefined) throw new SchemaProblem(noData);
  const text = canonicalJson(schema);
  if (text.length > MAX_CHARACTERS) {
    throw new SchemaProblem({ path: [], message: `is larger than ${MAX_CHARACTERS} characters` });
  }
  const { tree, problems } = readSchema(schema);
  const [first, ...others] = closed ? [...problems, ...problemsOfClosed(schema)] : problems;
  if (first !== undefined) throw new SchemaProblem(first, ...others);
  try {
    checkDefaults(tree);
    const hash = createHash('sha256').update(text).digest();
    return { schema, hash, forms: wireFormsOf(tree.root), check: createChecker(tree, tree.root, closed) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SchemaProblem({ path: [], message: 'has too many "$ref"s that lead to one another' });
  }
}

function problemsOfClosed({ type }: Readonly<Record<string, unknown>>): readonly PlacedProblem[] {
  return type === undefined || type === 'object' ? [] : [{ path: ['type'], message: 'must be object' }];
}

/** More steps than a check may take: the value is refused, whatever else is true of it. */
class TooManySteps extends Error {}

class StepBudget {
  #left = 0;

  reset(): void {
    this.#left = MAX_STEPS;
  }

  take(): true {
    this.#left -= 1;
    if (this.#left < 0) throw new TooManySteps('too many steps');
    return true;
  }
}

function createChecker(tree: SchemaTree, start: SchemaNode, closed: boolean): CompiledSchema['check'] {
  let known: readonly string[] = [];
  const isKnown = (text: string) => known.includes(text);
  const budget = new StepBudget();
  const step = () => budget.take();
  const validate = createValidator(tree, start, { closed, step, isKnown });
  const fill = hasDefaults(tree) ? createFiller(start, step) : undefined;
  return function check(value, base64 = []) {
    known = base64;
    budget.reset();
    try {
      const filled = fill === undefined ? value : fill(value);
      return validate(filled) ? { ok: true, value: filled } : { ok: false, ...explainErrors(validate.errors ?? []) };
    } catch (error) {
      if (error instanceof TooManySteps) return { ok: false, path: '', message: 'takes too long to check' };
      if (error instanceof RangeError) return { ok: false, path: '', message: 'nests too deeply' };
      throw error;
    } finally {
      known = [];
    }
  };
}

interface ValidatorDependencies {
  readonly closed: boolean;
  readonly step: () => true;
  readonly isKnown: (text: string) => boolean;
}

function createValidator(
  tree: SchemaTree,
  start: SchemaNode,
  { closed, step, isKnown }: ValidatorDependencies,
): ValidateFunction {
  const formats = createFormats(isKnown);
  const { schema, usesUnevaluated } = toValidatorSchema(tree, start, {
    closed,
    formats: new Set(Object.keys(formats)),
  });
  const ajv = new Ajv2020({
    // What they would check is checked already, with places.
    meta: false,
    validateSchema: false,
    strict: false,
    logger: false,
    formats,
    // Members that only the prototype has ("constructor") are none.
    ownProperties: true,
    verbose: true,
    // A schema that is named often is compiled once.
    inlineRefs: false,
    // 0.3 is a multiple of 0.1.
    multipleOfPrecision: 9,
    // Its passes over the validator's text take time by the square of its size, and gain nothing that V8 does not.
    code: { regExp: patternEngine(), optimize: false },
  });
  // Without it alternatives end at the first that fits, instead of noting what each has seen.
  if (!usesUnevaluated) ajv.opts.unevaluated = false;
  ajv.addKeyword({ keyword: STEP, schemaType: 'boolean', errors: false, validate: step });
  // ajv's own compares every entry with every other.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (wanted: boolean, items: readonly unknown[]) =>
      !wanted || new Set(items.map(canonicalJson)).size === items.length,
  });
  return ajv.compile(schema);
}

function patternEngine() {
  // `code` would be written into a validator that is kept as text, which none of ours is.
  return Object.assign(compileTextPattern, { code: 'compileTextPattern' });
}

/** A default that its own schema refuses would be every caller's mistake. @throws SchemaProblem */
function checkDefaults(tree: SchemaTree): void {
  const nodes = tree.nodes.filter((node) => said(node, 'default') !== undefined);
  if (nodes.length === 0) return;
  // One list of all of them: a validator each would take a millisecond each.
  const list: SchemaNode = {
    path: [],
    says: { prefixItems: nodes.map(({ says }) => says) },
    children: nodes.map((node, key) => ({ keyword: 'prefixItems', applies: 'inside', key, node })),
    target: undefined,
  };
  const result = createChecker(tree, list, false)(nodes.map((node) => said(node, 'default')));
  if (result.ok) return;
  const [, index = '', ...inside] = result.path.split('/');
  const at = inside.length === 0 ? '' : `/${inside.join('/')} `;
  const path = [...(nodes[Number(index)]?.path ?? []), 'default'];
  throw new SchemaProblem({ path, message: `does not fit its own schema: ${at}${result.message}` });
}
