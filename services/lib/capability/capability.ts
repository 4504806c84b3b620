/**
 * What a token's `capabilities` claim grants: a set of capability strings, compiled once, asked on every call.
 *
 * Three things a reader would miss: unknown namespaces confer nothing; the bare forms `telemetry:read`,
 * `registry:lookup` and `registry:register` stand for more than their own text; and the tail of
 * `registry:register:` is a server name pattern ("InventoryDB_*"), which is no capability pattern.
 */
import { isServerName } from './name.ts';
import { compilePattern, contains, ONE, overlaps, type Pattern } from './pattern.ts';
import { parseServerNamePattern, type ServerNamePattern, serverNamePatternContains } from './server-name-pattern.ts';

export const MAX_CAPABILITIES = 64;

/** Everything a capability can be about. A list that grows only together with the methods it guards. */
export const NAMESPACES = ['db', 'context', 'tool', 'telemetry', 'event', 'registry', 'token'] as const;

/** One capability, compiled. Made by `compileCapability` alone. */
export interface Capability {
  /** Holds the tail of `registry:register:` as one opaque atom when `serverNames` is set. */
  readonly pattern: Pattern;
  /** Set only for `registry:register:<literal>*`. */
  readonly serverNames: ServerNamePattern | undefined;
}

const REGISTER = 'registry:register';

/** @returns undefined for text outside the grammar or in an unknown namespace: it confers nothing. */
export function compileCapability(text: string): Capability | undefined {
  const tail = text.startsWith(`${REGISTER}:`) ? text.slice(REGISTER.length + 1) : undefined;
  if (tail !== undefined && tail !== ONE) return compileRegistration(tail);
  const pattern = compilePattern(text);
  if (pattern === undefined || !isKnownNamespace(pattern)) return undefined;
  return { pattern, serverNames: undefined };
}

/** True when everything `wanted` allows is also allowed by `granted`. Bare forms are expanded before, not here. */
export function capabilityContains(granted: Capability, wanted: Capability | Pattern): boolean {
  const pattern = 'pattern' in wanted ? wanted.pattern : wanted;
  if (granted.serverNames === undefined) return contains(granted.pattern, pattern);
  const [namespace, verb, tail] = pattern.atoms;
  if (pattern.hasRest || pattern.atoms.length !== 3 || namespace !== 'registry' || verb !== 'register') return false;
  const names = parseServerNamePattern(tail ?? '');
  return names !== undefined && serverNamePatternContains(granted.serverNames, names);
}

/**
 * A capability and what its bare form also means. `sub` is the subject of the root token: in a chain the bare
 * `registry:register` never becomes the right to register the delegatee's name.
 */
export function expandCapability(text: string, sub: string): readonly Capability[] {
  const texts = [text];
  if (text === 'telemetry:read' || text === 'registry:lookup') texts.push(`${text}:*`);
  if (text === REGISTER && isServerName(sub)) texts.push(`${REGISTER}:${sub}`);
  return texts.map(compileCapability).filter((capability) => capability !== undefined);
}

/** The compiled form of a whole `capabilities` claim. */
export class CapabilitySet {
  readonly #held: readonly Capability[];

  /** `sub` is the subject of the root token. */
  constructor(texts: readonly string[], sub: string) {
    this.#held = texts.flatMap((text) => expandCapability(text, sub));
  }

  /** True when no entry confers anything. */
  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** True when some name is covered by an entry and matched by `family`. */
  overlaps(family: Pattern): boolean {
    return this.#held.some(({ pattern }) => overlaps(pattern, family));
  }

  /** True when one entry alone contains `required`; two that cover it only together do not. */
  covers(required: Pattern): boolean {
    return this.#held.some((held) => capabilityContains(held, required));
  }
}

function compileRegistration(tail: string): Capability | undefined {
  const names = parseServerNamePattern(tail);
  if (names === undefined) return undefined;
  const text = `${REGISTER}:${tail}`;
  const pattern: Pattern = { text, atoms: ['registry', 'register', tail], hasRest: false };
  return { pattern, serverNames: names.prefix === undefined ? undefined : names };
}

/** A wildcard in the first place reaches the known namespaces, so it counts as one. */
function isKnownNamespace(pattern: Pattern): boolean {
  const first = pattern.atoms[0];
  return first === undefined || first === ONE || NAMESPACES.some((namespace) => namespace === first);
}
