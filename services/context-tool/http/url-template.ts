/**
 * URLs of HTTP sources: "{name}" may stand in path segments and in values of the query, and nowhere else. Scheme, host and
 * port are the configuration's alone, so that no caller chooses whom our credentials are sent to.
 *
 * Values are percent-encoded whole (RFC 3986 Section 2): "/", "?", "#", "&" and "%" in them are data. What percent-encoding
 * does not reach, the segments "." and ".." that every URL library resolves (also as "%2e"), is refused.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { whyForbidden } from '#lib/net/forbidden-address.ts';
import { argumentOf, invalid, namesOf, type Piece, parsePieces, textOf, type Values } from './placeholder.ts';

export interface UrlTemplate {
  /** For people, one sentence each; a URL with problems must not be filled. */
  readonly problems: readonly string[];
  /** Names that it refers to. */
  readonly names: readonly string[];
  /** @throws ServiceError ARGUMENT_INVALID naming the value that does not fit */
  fill(values: Values): URL;
}

/** Path and query. Servers commonly take 8 KiB. */
const MAX_TARGET_CHARACTERS = 16_384;
const PARTS = /^(https?):\/\/([^/?#\\]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is;
const UNWRITABLE = /[\p{Cc}\p{Cf}\p{Z}\\]/u;
/** As the URL standard resolves them (https://url.spec.whatwg.org/#double-dot-path-segment). */
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;
const DOT_SENTENCE = 'it has a path segment "." or ".."; write the path that is meant';

interface Pair {
  /** With "=", as it was written. */
  readonly name: string;
  readonly value: readonly Piece[];
}

export function parseUrlTemplate(text: string): UrlTemplate {
  const [, scheme = '', authority = '', path = '', query, fragment] = PARTS.exec(text) ?? [];
  if (scheme === '')
    return broken('it must begin with http:// or https://, and no placeholder may stand in the scheme');
  if (UNWRITABLE.test(text))
    return broken('it holds a space, a backslash or a character that is not seen; percent-encode it');
  const origin = `${scheme.toLowerCase()}://${authority}`;
  const texts = path.split('/');
  const segments = texts.map(parsePieces);
  const pairs = query === undefined ? [] : query.split('&').map(parsePair);
  const problems = [
    ...authorityProblems(origin, authority),
    ...(fragment === undefined ? [] : ['it holds a fragment ("#…"), which is never sent; leave it out']),
    ...(texts.some((text) => DOT_SEGMENT.test(text)) ? [DOT_SENTENCE] : []),
    ...pairs.flatMap(pairProblems),
    ...strayBraces([...segments.flat(), ...pairs.flatMap(({ value }) => value)]),
  ];
  const names = [...segments.flat(), ...pairs.flatMap(({ value }) => value)];
  return { problems, names: namesOf(names), fill };

  function fill(values: Values): URL {
    const filledPath = segments.map((pieces) => fillSegment(pieces, values)).join('/');
    const filledQuery = pairs.flatMap((pair) => fillPair(pair, values)).join('&');
    const target = `${filledPath}${filledQuery === '' ? '' : `?${filledQuery}`}`;
    if (target.length > MAX_TARGET_CHARACTERS) {
      const [longest = ''] = namesOf(names).toSorted((a, b) => lengthOf(values, b) - lengthOf(values, a));
      throw invalid(longest, `is too long: the URL would exceed ${MAX_TARGET_CHARACTERS} characters`);
    }
    return new URL(`${origin}${target}`);
  }
}

function lengthOf(values: Values, name: string): number {
  return argumentOf(values, name) === undefined ? 0 : textOf(values, name).length;
}

function broken(problem: string): UrlTemplate {
  return {
    problems: [problem],
    names: [],
    fill: () => {
      throw new Error(`the URL is not usable: ${problem}`);
    },
  };
}

function authorityProblems(origin: string, authority: string): readonly string[] {
  if (/[{}]/.test(authority)) return ['no placeholder may stand in host or port'];
  // Not quoted: it may be a password.
  if (authority.includes('@')) return ['it holds a user name or password; send a header instead, from a file'];
  const url = URL.parse(origin);
  if (url === null || authority === '') return ['its host or port is not valid'];
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const forbidden = isIP(host) === 0 ? undefined : whyForbidden(ipaddr.parse(host));
  if (forbidden === undefined || forbidden === 'loopback') return [];
  return ['its host is a link-local, metadata or otherwise forbidden address'];
}

function parsePair(text: string): Pair {
  const end = text.indexOf('=') + 1;
  return end === 0 ? { name: text, value: [] } : { name: text.slice(0, end), value: parsePieces(text.slice(end)) };
}

function pairProblems({ name }: Pair): readonly string[] {
  return /[{}]/.test(name)
    ? [`in the query a placeholder stands for a value only ("city={city}"), not in "${name}"`]
    : [];
}

function strayBraces(pieces: readonly Piece[]): readonly string[] {
  const isStray = pieces.some((piece) => typeof piece === 'string' && /[{}]/.test(piece));
  return isStray
    ? ['it holds a brace that belongs to no placeholder; a placeholder is a name in braces, "{city}"']
    : [];
}

function fillSegment(pieces: readonly Piece[], values: Values): string {
  const filled = pieces.map((piece) => {
    if (typeof piece === 'string') return piece;
    const text = textOf(values, piece.name);
    if (text === '' || text === '.' || text === '..') {
      throw invalid(piece.name, 'is part of a path and must not be empty, "." or ".."');
    }
    return encodeURIComponent(text);
  });
  const segment = filled.join('');
  const [name] = namesOf(pieces);
  if (name !== undefined && DOT_SEGMENT.test(segment)) throw invalid(name, 'would make the path segment "." or ".."');
  return segment;
}

/** Nothing when a value is absent: the whole pair is left out. */
function fillPair({ name, value }: Pair, values: Values): readonly string[] {
  if (namesOf(value).some((wanted) => argumentOf(values, wanted) === undefined)) return [];
  const text = value.map((piece) =>
    typeof piece === 'string' ? piece : encodeURIComponent(textOf(values, piece.name)),
  );
  return [`${name}${text.join('')}`];
}
