/**
 * The audience of a token: which servers may accept it.
 *
 * An entry that is neither a server name nor a legal prefix form matches nothing, so an audience written for
 * something else (a URL, "*") never opens a server. JWT libraries compare `aud` exactly; prefixes are our own step.
 */
import {
  parseServerNamePattern,
  type ServerNamePattern,
  serverNameMatches,
  serverNamePatternContains,
} from './server-name-pattern.ts';

/** The entries of an `aud` claim that can match something, split once. Made by `compileAudience` alone. */
export type Audience = readonly ServerNamePattern[];

export const MAX_AUDIENCES = 16;

/** Leaves out what is no server name and no prefix form. */
export function compileAudience(entries: readonly string[]): Audience {
  return entries.map(parseServerNamePattern).filter((pattern) => pattern !== undefined);
}

/** RFC 7519 Section 4.1.3: a token whose `aud` does not name the server must be rejected by it. */
export function audienceMatches(audience: Audience | readonly string[], serverName: string): boolean {
  return audience.some((entry) => {
    const pattern = typeof entry === 'string' ? parseServerNamePattern(entry) : entry;
    return pattern !== undefined && serverNameMatches(pattern, serverName);
  });
}

/** True when each entry of `wanted` lies within one entry of `granted`. An invalid entry lies within nothing. */
export function audienceContains(granted: readonly string[], wanted: readonly string[]): boolean {
  const held = compileAudience(granted);
  return wanted.every((entry) => {
    const pattern = parseServerNamePattern(entry);
    return pattern !== undefined && held.some((candidate) => serverNamePatternContains(candidate, pattern));
  });
}
