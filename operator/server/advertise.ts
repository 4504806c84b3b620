/**
 * Which capabilities Discovery advertises for a server: what its owner declared, what it says itself, or both.
 *
 * "Both" works on patterns: of "db:inventory:*" declared and "db:inventory:read" on the card, the narrower stands.
 * Several endpoints may run several versions during a roll-out: only what every card says counts, so that a caller
 * never reaches an endpoint that cannot answer yet.
 */

import { compilePattern, contains, type Pattern } from '#lib/capability/pattern.ts';
import type { ServiceCard } from '#lib/card/service-card.ts';
import type { CapabilityMode } from './resource.ts';

export interface Advertisement {
  readonly advertised: readonly string[];
  /** Declared, but no endpoint's card covers any of it. */
  readonly declaredOnly: readonly string[];
  /** On a card, but not within anything declared. */
  readonly undeclared: readonly string[];
}

export function advertise(
  mode: CapabilityMode,
  declared: readonly string[],
  cards: readonly ServiceCard[],
): Advertisement {
  const said = cards.length === 0 ? [] : cards.map(({ capabilities }) => capabilities).reduce(intersect);
  const anywhere = [...new Set(cards.flatMap(({ capabilities }) => capabilities))];
  const both = intersect(declared, said);
  return {
    advertised: mode === 'Declared' ? unique(declared) : mode === 'Discovered' ? unique(said) : both,
    declaredOnly: unique(declared.filter((one) => !both.some((other) => contains(one, other)))),
    undeclared: unique(anywhere.filter((one) => !declared.some((other) => contains(other, one)))),
  };
}

/** Every pattern of one side that the other side contains: the greatest set that both sides allow. */
export function intersect(left: readonly string[], right: readonly string[]): readonly string[] {
  const compile = (texts: readonly string[]): Pattern[] => texts.flatMap((text) => compilePattern(text) ?? []);
  const [ours, theirs] = [compile(left), compile(right)];
  const within = (some: readonly Pattern[], others: readonly Pattern[]) =>
    some.filter((one) => others.some((other) => contains(other, one))).map(({ text }) => text);
  return unique([...within(ours, theirs), ...within(theirs, ours)]);
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
