/**
 * Server names with an optional wildcard: one exact name, or a literal that ends in "_", "-" or "." followed by "*".
 *
 * Used by audiences and by the tail of `registry:register:`. The literal must end in a separator, or
 * "InventoryDB*" would also reach "InventoryDBEvil"; a leading or inner wildcard has no owner who could be asked.
 */
import { isServerName } from './name.ts';

export interface ServerNamePattern {
  readonly text: string;
  /** The literal before "*", or undefined when `text` is one exact name. */
  readonly prefix: string | undefined;
}

/** At least 3 characters, and short enough that one more still makes a server name of at most 63. */
const PREFIX_FORM = /^[A-Za-z][A-Za-z0-9_.-]{1,60}[_.-]\*$/;

/** @returns undefined for text that is no name pattern; it then matches nothing. */
export function parseServerNamePattern(text: string): ServerNamePattern | undefined {
  if (isServerName(text)) return { text, prefix: undefined };
  return PREFIX_FORM.test(text) ? { text, prefix: text.slice(0, -1) } : undefined;
}

export function serverNameMatches(pattern: ServerNamePattern, serverName: string): boolean {
  if (pattern.prefix === undefined) return pattern.text === serverName;
  return serverName.length > pattern.prefix.length && serverName.startsWith(pattern.prefix) && isServerName(serverName);
}

/** True when every name that `wanted` matches is also matched by `granted`. */
export function serverNamePatternContains(granted: ServerNamePattern, wanted: ServerNamePattern): boolean {
  if (wanted.prefix === undefined) return serverNameMatches(granted, wanted.text);
  return granted.prefix !== undefined && wanted.prefix.startsWith(granted.prefix);
}
