/**
 * Which capabilities Discovery advertises for a server: what its owner declared, what it says itself, or both.
 *
 * "Both" works on patterns: of "db:inventory:*" declared and "db:inventory:read" on the card, the narrower stands.
 * Several endpoints may run several versions during a roll-out: only what every card says counts, so that a caller
 * never reaches an endpoint that cannot answer yet.
 *
 * Cards come from servers that may be hostile, and one operator looks at all of them: a thousand endpoints that each say
 * something else must cost no more than a few.
 */

import { compilePattern, contains, type Pattern } from '#lib/capability/pattern.ts';
import { MAX_CARD_CAPABILITIES, type ServiceCard } from '#lib/card/service-card.ts';
import type { CapabilityMode } from './resource.ts';

export interface Advertisement {
  readonly advertised: readonly string[];
  /** Declared, but no endpoint's card covers any of it. */
  readonly declaredOnly: readonly string[];
  /** On a card, but not within anything declared. */
  readonly undeclared: readonly string[];
}

/** Versions of one server that run side by side; more have nothing in common. */
export const MAX_DIFFERENT_CARDS = 8;

export function advertise(
  mode: CapabilityMode,
  declared: readonly string[],
  cards: readonly Pick<ServiceCard, 'capabilities'>[],
): Advertisement {
  const lists = differentLists(cards);
  const ours = compile(declared);
  const anywhere = compile(unique(lists.slice(0, MAX_DIFFERENT_CARDS).flat()));
  const said = lists.length > MAX_DIFFERENT_CARDS ? [] : common(lists.map(compile));
  const both = intersect(ours, said);
  const advertised = mode === 'Declared' ? ours : mode === 'Discovered' ? said : both;
  return {
    advertised: textsOf(advertised),
    declaredOnly: textsOf(ours.filter((one) => !both.some((other) => contains(one, other)))),
    undeclared: textsOf(anywhere.filter((one) => !ours.some((other) => contains(other, one)))),
  };
}

/** Endpoints usually say the same, and differ in what does not matter here. */
function differentLists(cards: readonly Pick<ServiceCard, 'capabilities'>[]): readonly (readonly string[])[] {
  const lists = new Map<string, readonly string[]>();
  for (const { capabilities } of cards) {
    const list = unique(capabilities);
    lists.set(list.join(' '), list);
    if (lists.size > MAX_DIFFERENT_CARDS) break;
  }
  return [...lists.values()];
}

function common([first = [], ...others]: readonly (readonly Pattern[])[]): readonly Pattern[] {
  return others.reduce((so, next) => intersect(so, next).slice(0, MAX_CARD_CAPABILITIES), first);
}

/** Every pattern of one side that the other side contains: the greatest set that both sides allow. */
function intersect(left: readonly Pattern[], right: readonly Pattern[]): readonly Pattern[] {
  const within = (some: readonly Pattern[], others: readonly Pattern[]) =>
    some.filter((one) => others.some((other) => contains(other, one)));
  const both = [...within(left, right), ...within(right, left)];
  const different = [...new Map(both.map((pattern) => [pattern.text, pattern])).values()];
  return different.sort((a, b) => (a.text < b.text ? -1 : 1));
}

function compile(texts: readonly string[]): readonly Pattern[] {
  return texts.flatMap((text) => compilePattern(text) ?? []);
}

function textsOf(patterns: readonly Pattern[]): readonly string[] {
  return unique(patterns.map(({ text }) => text));
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
