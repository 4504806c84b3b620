/** Filters of topics as people type them. Pure. */
import { quote } from '#lib/capability/name.ts';
import { compilePattern, isTopicFilter } from '#lib/capability/pattern.ts';
import { usageError } from '../failure.ts';

/** @throws CommandFailed for what is no filter */
export function requireFilter(filter: string): void {
  const pattern = compilePattern(filter);
  if (pattern !== undefined && isTopicFilter(pattern)) return;
  throw usageError(
    `${quote(filter)} is no filter of topics: up to 12 segments joined by ":", with "*" for any one, at the end for one or more`,
  );
}

const DURABLE = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;

/** @throws CommandFailed for what is no name of a durable subscription */
export function requireDurableName(name: string): void {
  if (DURABLE.test(name)) return;
  throw usageError(
    `${quote(name)} is no name of a durable subscription: 1 to 64 of A-Z a-z 0-9 _ -, and the first is no "-"`,
  );
}
