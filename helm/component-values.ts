/**
 * What the values hold beyond what values.yaml says of them: each component's section also takes what componentDefaults
 * holds, each entry of a section what the section takes, and each certificate of a component may be a Secret of the user's. All
 * of it follows from the component's traits.
 */
import { type Components, meets, type Traits, toKebabCase } from './traits.ts';
import type { Value } from './values-document.ts';

export const DEFAULTS = 'componentDefaults';

/** The values with the Secrets that the components' traits ask for. @throws Error for a component without a section. */
export function withSecrets(values: readonly Value[], components: Components): readonly Value[] {
  const missing = [...components.keys()].filter((key) => !values.some((value) => value.key === key));
  if (missing.length > 0) throw new Error(`values.yaml has no section ${missing.join(', ')}`);
  requireEntries(values, components);
  const added = new Map([
    ['tls.existingSecrets', [...components].flatMap(([key, traits]) => certificateSecrets(key, traits))],
    ['etcd.external', [...components].flatMap(([key, traits]) => storeSecrets(key, traits))],
  ]);
  return addTo(values, added);
}

/** The values as the schema knows them: with what a section takes from componentDefaults, marked `isInherited`. */
export function withDefaults(values: readonly Value[], components: Components): readonly Value[] {
  const defaults = values.find(({ key }) => key === DEFAULTS)?.children ?? [];
  return values.map((value) => {
    const traits = components.get(value.key);
    if (traits === undefined) return value;
    const children = layUnder(value.children, inheritable(defaults, traits), `${value.path}.`);
    return { ...value, children: children.map((child) => withEntry(child, children, traits)) };
  });
}

/** Paths of what a component with these traits has no use for, without "componentDefaults.". */
export function uselessDefaults(values: readonly Value[], traits: Traits): readonly string[] {
  const defaults = values.find(({ key }) => key === DEFAULTS)?.children ?? [];
  const useless = (value: Value): string[] =>
    meets(traits, value.trait) ? value.children.flatMap(useless) : [value.path.slice(DEFAULTS.length + 1)];
  return defaults.flatMap(useless);
}

/** @throws Error where traits and values.yaml do not name the same map of entries. */
function requireEntries(values: readonly Value[], components: Components): void {
  for (const { key: section, children } of values) {
    const marked = children.filter(({ hasEntries }) => hasEntries).map(({ key }) => key);
    const { entries } = components.get(section) ?? {};
    const wanted = entries === undefined ? [] : [entries];
    if (marked.join() === wanted.join()) continue;
    throw new Error(
      `the trait entries of ${section} is ${wanted.join() || 'not there'}, but "@entries" marks ${marked.join(', ') || 'nothing'}`,
    );
  }
}

/** The map of entries with what each of them may hold. */
function withEntry(value: Value, beside: readonly Value[], { entries }: Traits): Value {
  if (value.key !== entries) return value;
  const inEntry = beside.filter(({ isOnce, hasEntries }) => !isOnce && !hasEntries);
  return { ...value, entry: inEntry.map((child) => inherited(child, `${value.path}.<entry>.`)) };
}

function inheritable(defaults: readonly Value[], traits: Traits): readonly Value[] {
  return defaults
    .filter(({ trait }) => meets(traits, trait))
    .map((value) => ({ ...value, children: inheritable(value.children, traits) }));
}

function layUnder(own: readonly Value[], defaults: readonly Value[], prefix: string): readonly Value[] {
  const merged = own.map((value) => {
    const below = defaults.find(({ key }) => key === value.key);
    return below === undefined
      ? value
      : { ...value, children: layUnder(value.children, below.children, `${value.path}.`) };
  });
  const missing = defaults.filter(({ key }) => !own.some((value) => value.key === key));
  return [...merged, ...missing.map((value) => inherited(value, prefix))];
}

function inherited(value: Value, prefix: string): Value {
  const path = `${prefix}${value.key}`;
  const children = value.children.map((child) => inherited(child, `${path}.`));
  return { ...value, path, children, isInherited: true };
}

function addTo(values: readonly Value[], added: ReadonlyMap<string, readonly Value[]>): readonly Value[] {
  return values.map((value) => ({
    ...value,
    children: [...(added.get(value.path) ?? []), ...addTo(value.children, added)],
  }));
}

/** An entry names its own. */
function certificateSecrets(key: string, { port, clientCertificate, store, entries }: Traits): Value[] {
  if (entries !== undefined) return [];
  const name = toKebabCase(key);
  const kinds = [...(port === undefined ? [] : ['server']), ...(clientCertificate ? ['client'] : [])];
  const own = `The ${kinds.join(' and ')} certificate of ${name}. Empty: <fullname>-${name}-tls.`;
  const etcd = `Client certificate for etcd with common name mcp2-${name}. Empty: <fullname>-${name}-etcd-tls.`;
  const parent = 'tls.existingSecrets';
  return [
    ...(kinds.length === 0 ? [] : [secret(parent, key, own)]),
    ...(store === undefined ? [] : [secret(parent, `${key}Etcd`, etcd)]),
  ];
}

function storeSecrets(key: string, { store }: Traits): Value[] {
  return store === undefined
    ? []
    : [secret('etcd.external', `${key}Secret`, `Another one for ${toKebabCase(key)} alone.`)];
}

/** A name of a Secret; the chart has one of its own. */
function secret(parent: string, key: string, description: string): Value {
  return { path: `${parent}.${key}`, key, description, default: '', schema: {}, isInherited: true, children: [] };
}
