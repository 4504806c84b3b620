/** Where a redirect leads, if we go there at all. */

export interface Hop {
  readonly url: URL;
  /** With the headers of the configuration: only as long as no other origin had a say in where to go. */
  readonly isOwn: boolean;
}

export const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** True for an answer that sends a GET or HEAD on; other methods do not follow. */
export function isRedirect(status: number, method: string): boolean {
  return REDIRECTS.includes(status) && (method === 'GET' || method === 'HEAD');
}

/** @returns a sentence's end when it must not be followed: "leads from https to http" */
export function nextHop(from: Hop, location: string | undefined): Hop | string {
  const url = location === undefined ? null : URL.parse(location, from.url.href);
  if (url === null) return 'says no place that can be understood';
  const isSafe = url.protocol === from.url.protocol || (from.url.protocol === 'http:' && url.protocol === 'https:');
  if (!isSafe) return `leads from ${from.url.protocol.slice(0, -1)} to another scheme`;
  if (url.username !== '' || url.password !== '') return 'holds a user name or password';
  url.hash = '';
  return { url, isOwn: from.isOwn && url.origin === from.url.origin };
}
