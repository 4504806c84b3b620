/**
 * The URL of an upstream with its placeholders: "https://weather.example/v1/{city}?unit={unit}". A placeholder may only
 * stand where its value cannot change which server is asked: in a segment of the path, in the value of a query.
 */

/** A name in braces, as `isParameterName` has it. */
export const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_.-]{0,63})\}/g;

const PARTS = /^([^:/?#]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/s;

/** What is wrong and what to do; undefined for one that can be used. Never quotes the URL: it may hold a password. */
export function whyUnusableUrl(template: string): string | undefined {
  const parts = PARTS.exec(template);
  if (parts === null) return 'write http:// or https://, a host, and a path';
  const [, scheme = '', authority = '', path = '', query = '', fragment] = parts;
  if (/[{}]/.test(scheme + authority)) return 'a placeholder may not stand in the scheme, host or port; write them out';
  if (!/^https?$/i.test(scheme)) return 'write http:// or https://; other schemes are not asked';
  if (authority.includes('@')) {
    return 'a user or password never stands in the configuration; send the header authorization, {fromFile: PATH}';
  }
  if (authority === '') return 'has no host; write one';
  if (fragment !== undefined) return 'what follows "#" is never sent; remove it';
  if (/[\s\p{Cc}\\]/u.test(template))
    return 'holds a space, a backslash or a control character; write it in percent-encoding';
  return whyUnusablePath(path) ?? whyUnusableQuery(query) ?? whyUnparsable(template);
}

function whyUnusablePath(path: string): string | undefined {
  const isDots = path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
  if (isDots) return 'has a segment "." or ".."; write the path that is meant';
  return hasStrayBrace(path) ? STRAY_BRACE : undefined;
}

function whyUnusableQuery(query: string): string | undefined {
  for (const pair of query.split('&')) {
    const [name = ''] = pair.split('=', 1);
    if (/[{}]/.test(name)) return 'a placeholder may stand in the value of a query, not in its name; write name={name}';
    if (hasStrayBrace(pair)) return STRAY_BRACE;
  }
  return undefined;
}

const STRAY_BRACE = 'has a brace that is no placeholder; a name is a letter or _, then up to 63 of A-Z a-z 0-9 _ . -';

function hasStrayBrace(text: string): boolean {
  return /[{}]/.test(text.replace(PLACEHOLDER, ''));
}

function whyUnparsable(template: string): string | undefined {
  return URL.canParse(template.replace(PLACEHOLDER, 'x')) ? undefined : 'is no URL; write http://, a host, and a path';
}
