/**
 * Fills in a schema's defaults, at every depth, in a copy: under `properties`, `items`, `prefixItems`,
 * `additionalProperties`, and through `allOf` and `$ref`. Where a schema may or may not apply (`anyOf`, `oneOf`, `if`,
 * `not`, …) a default only tells people something: which branch is meant is known when it is too late.
 *
 * What a default brings gets its own defaults in turn.
 */
import { isPlainObject } from './json-data.ts';
import { childrenAt, type SchemaNode, type SchemaTree, said } from './schema-tree.ts';

/** @returns the value itself where nothing is missing. @param step Called for each schema that is looked at; may throw. */
export type Filler = (value: unknown) => unknown;

interface Plan {
  /** Missing members, with their defaults. */
  readonly missing: readonly (readonly [name: string, value: unknown])[];
  readonly properties: ReadonlyMap<string, SchemaNode>;
  readonly rest: SchemaNode | undefined;
  readonly prefix: readonly SchemaNode[];
  readonly items: SchemaNode | undefined;
  /** Asked about the same value, always. */
  readonly same: readonly SchemaNode[];
}

export function hasDefaults({ nodes }: SchemaTree): boolean {
  return nodes.some((node) => said(node, 'default') !== undefined);
}

export function createFiller(start: SchemaNode, step: () => void): Filler {
  const plans = new Map<SchemaNode, Plan>();
  return (value) => fill(value, start);

  function fill(value: unknown, node: SchemaNode): unknown {
    if (typeof value !== 'object' || value === null) return value;
    step();
    const plan = plans.get(node) ?? planOf(node);
    plans.set(node, plan);
    const own = Array.isArray(value) ? fillItems(value, plan) : isPlainObject(value) ? fillMembers(value, plan) : value;
    return plan.same.reduce<unknown>((filled, other) => fill(filled, other), own);
  }

  function fillItems(items: readonly unknown[], plan: Plan): unknown {
    const filled = items.map((item, index) => {
      const schema = plan.prefix[index] ?? plan.items;
      return schema === undefined ? item : fill(item, schema);
    });
    return filled.some((item, index) => item !== items[index]) ? filled : items;
  }

  function fillMembers(object: Readonly<Record<string, unknown>>, plan: Plan): unknown {
    let copy: Record<string, unknown> | undefined;
    for (const [name, value] of plan.missing) {
      if (Object.hasOwn(object, name) && object[name] !== undefined) continue;
      copy ??= { ...object };
      copy[name] = typeof value === 'object' ? structuredClone(value) : value;
    }
    for (const [name, member] of Object.entries(copy ?? object)) {
      const schema = plan.properties.get(name) ?? plan.rest;
      const filled = schema === undefined ? member : fill(member, schema);
      if (filled === member) continue;
      copy ??= { ...object };
      // Not by assignment: "__proto__" is a name like any other in JSON.
      Object.defineProperty(copy, name, { value: filled, writable: true, enumerable: true, configurable: true });
    }
    return copy ?? object;
  }
}

function planOf(node: SchemaNode): Plan {
  const properties = childrenAt(node, 'properties');
  const items = childrenAt(node, 'items');
  const [single] = items.filter(({ key }) => key === undefined);
  const list = items.filter(({ key }) => key !== undefined);
  const prefix = [...childrenAt(node, 'prefixItems'), ...list].map((child) => child.node);
  const rest = said(node, 'patternProperties') === undefined ? childrenAt(node, 'additionalProperties')[0] : undefined;
  const always = childrenAt(node, 'allOf').map((child) => child.node);
  return {
    missing: properties.flatMap(({ key, node: property }) => {
      const value = said(property, 'default');
      return value === undefined ? [] : [[String(key), value] as const];
    }),
    properties: new Map(properties.map(({ key, node: property }) => [String(key), property])),
    rest: rest?.node,
    prefix,
    items: (single ?? childrenAt(node, 'additionalItems')[0])?.node,
    same: node.target === undefined ? always : [...always, node.target],
  };
}
