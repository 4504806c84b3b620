/**
 * Runs the twins of the schema's rules over a resource, each at its own place, as the API server runs CEL.
 *
 * A rule that compares with `oldSelf` runs only where the object before the update has that place. A rule is left out
 * where the structure is broken, so that one mistake gives one sentence and no twin sees a type it does not expect.
 */

import { isObject, type Rule, type Schema, type Segments } from '#lib/schema/schema.ts';
import { MAX_PROBLEMS, type Problem, problemAt } from '#lib/schema/structure.ts';
import type { HostPolicy } from './address.ts';
import { TWINS, type Twin } from './rules.ts';

export interface RuleCheckOptions extends HostPolicy {
  /** The object before an update, with its defaults; undefined when it is new. */
  readonly oldObject: unknown;
  /** What the structure check found. */
  readonly broken: readonly Problem[];
}

interface Place {
  readonly value: unknown;
  readonly oldValue: unknown;
  readonly schema: Schema;
  readonly segments: Segments;
}

/** @throws Error when a rule of the schema has no twin. */
export function createRuleCheck(schema: Schema) {
  for (const rule of rulesOf(schema)) twinOf(rule);
  return function checkRules(value: unknown, { allowLoopback, oldObject, broken }: RuleCheckOptions): Problem[] {
    const found: Problem[] = [];
    visit({ value, oldValue: oldObject, schema, segments: [] });
    return found;

    /** Nobody reads more than the structure check says at most, and where it stopped early nobody knows what is sound. */
    function visit(place: Place): void {
      if (broken.length + found.length >= MAX_PROBLEMS) return;
      found.push(...judge(place));
      for (const child of children(place)) visit(child);
    }

    function judge({ value: self, oldValue: oldSelf, schema: { 'x-kubernetes-validations': rules }, segments }: Place) {
      if (!rules || broken.some((problem) => isBelow(problem.segments, segments))) return [];
      return rules
        .filter((rule) => !comparesWithOld(rule) || oldSelf !== undefined)
        .filter((rule) => !twinOf(rule)(self as never, { oldSelf, allowLoopback }))
        .map((rule) => problemAt([...segments, ...fieldSegments(rule)], rule.message));
    }
  };
}

/** Every rule, outermost first. */
export function rulesOf(schema: Schema): Rule[] {
  const inner = [...Object.values(schema.properties ?? {}), schema.additionalProperties, schema.items];
  return [...(schema['x-kubernetes-validations'] ?? []), ...inner.flatMap((child) => (child ? rulesOf(child) : []))];
}

function twinOf({ message }: Rule): Twin {
  const twin = Object.hasOwn(TWINS, message) ? TWINS[message] : undefined;
  if (!twin) throw new Error(`the rule "${message}" of the custom resource definition has no twin in rules.ts`);
  return twin;
}

/** List items have no old value: none of our rules compares one. */
function children({ value, oldValue, schema, segments }: Place): Place[] {
  const { items, properties, additionalProperties } = schema;
  if (Array.isArray(value)) {
    if (!items) return [];
    return value.map((item, index) => ({
      value: item,
      oldValue: undefined,
      schema: items,
      segments: [...segments, index],
    }));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const inner = properties && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (!inner) return [];
    const oldMember = isObject(oldValue) && Object.hasOwn(oldValue, key) ? oldValue[key] : undefined;
    return [{ value: member, oldValue: oldMember, schema: inner, segments: [...segments, key] }];
  });
}

function comparesWithOld({ rule }: Rule): boolean {
  return /\boldSelf\b/.test(rule);
}

function isBelow(inner: Segments, outer: Segments): boolean {
  return outer.every((segment, index) => inner[index] === segment);
}

function fieldSegments({ fieldPath }: Rule): readonly string[] {
  return fieldPath?.split('.').filter((part) => part !== '') ?? [];
}
