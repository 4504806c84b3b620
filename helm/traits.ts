/**
 * The traits of the chart's components, as templates/_traits.tpl lists them for Helm. What is written of them here follows
 * from that list: the schema of the values, their page, and what tests expect of a component.
 */
import { parse } from 'yaml';

/** See templates/_traits.tpl for what each means. */
export interface Traits {
  readonly port?: number;
  readonly store?: Readonly<Record<string, readonly string[]>>;
  readonly calls?: readonly string[];
  readonly clientCertificate?: boolean;
  readonly entries?: string;
  readonly [trait: string]: unknown;
}

/** By the key of the values, for example "eventBus". */
export type Components = ReadonlyMap<string, Traits>;

/** Of `calls`, no components: those that resources point to, and those that a configuration names. */
export const ANYWHERE: readonly string[] = ['servers', 'backends'];
/** Traits that name objects, rights or users by the component, of which one with entries has several. */
const NOT_WITH_ENTRIES = ['volume', 'log', 'schemas', 'leader', 'store', 'api', 'signingKey', 'clientCertificate'];

const KNOWN = [
  'port',
  'entries',
  'volume',
  'log',
  'schemas',
  'leader',
  'store',
  'api',
  'signingKey',
  'calls',
  'clientCertificate',
  'settings',
  'quotas',
  'installationId',
  'stateFolder',
  'configuration',
  'claim',
];

/** @param text of templates/_traits.tpl @throws Error that names every entry that is wrong. */
export function readTraits(text: string): Components {
  const list = /\{\{- define "mcp2\.traits" -\}\}\n([\s\S]*?)\{\{- end -\}\}/.exec(text)?.[1];
  if (list === undefined) throw new Error('_traits.tpl does not define "mcp2.traits"');
  const components: Components = new Map(Object.entries(parse(list) as Record<string, Traits>));
  const problems = [...components].flatMap(([key, traits]) => problemsOf(key, traits, components));
  if (problems.length > 0) throw new Error(problems.join('; '));
  return components;
}

/** "eventBus" is "event-bus" in everything that is made from it. */
export function toKebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** @param condition a trait that a component must have, or with "!" must not have; undefined: any will do. */
export function meets(traits: Traits, condition: string | undefined): boolean {
  if (condition === undefined) return true;
  return condition.startsWith('!') ? !(condition.slice(1) in traits) : condition in traits;
}

function problemsOf(key: string, traits: Traits, components: Components): string[] {
  const problems = Object.keys(traits)
    .filter((trait) => !KNOWN.includes(trait))
    .map((trait) => `${key}.${trait} is not a trait; use one of ${KNOWN.join(', ')}`);
  if (!/^[a-z]+([A-Z][a-z]+)*$/.test(key)) problems.push(`${key} must be camelCase, of letters`);
  const excluded = traits.entries === undefined ? [] : NOT_WITH_ENTRIES.filter((trait) => trait in traits);
  problems.push(...excluded.map((trait) => `${key} has entries, so it cannot have ${trait}`));
  for (const called of traits.calls ?? []) {
    if (ANYWHERE.includes(called) || components.get(called)?.port !== undefined) continue;
    problems.push(`${key}.calls names ${called}, which is not a component with a port`);
  }
  return problems;
}
