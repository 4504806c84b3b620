/** An upstream of a context or a tool: where placeholders may stand, and that no secret stands in the configuration. */
import type { Segments } from '#lib/schema/schema.ts';
import type { StatementNames } from '../database/database.ts';
import { checkPlaceholders } from './http-placeholders.ts';
import { limited } from './limits.ts';
import { bytes, milliseconds } from './quantities.ts';
import { locateSecret, type Reading } from './reading.ts';
import type { HttpConfig, SecretReference } from './runtime-config.ts';
import { whyUnusableUrl } from './url-template.ts';

/** As the format has it. */
export interface RawHttp {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | SecretReference>>;
  readonly body?: { readonly json: unknown };
  readonly timeout?: string;
  readonly maxBytes?: string;
}

/** @param names Undefined where they are not known, because the schema is broken. */
export function readHttp(
  reading: Reading,
  segments: Segments,
  raw: RawHttp,
  names: StatementNames | undefined,
): HttpConfig {
  const { document } = reading;
  const at = (...more: Segments) => [...segments, ...more];
  const { method = 'GET', url, body } = raw;
  const problem = whyUnusableUrl(url);
  if (problem !== undefined) document.add(at('url'), problem);
  const headers = readHeaders(reading, at('headers'), raw.headers ?? {});
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
    document.add(at('body'), `${method} has no body; use another method, or write {name} into the URL`, 'key');
  }
  if (names !== undefined) checkPlaceholders(document, segments, { url, headers, body }, names);
  const timeoutMs = limited(reading, at('timeout'), milliseconds(raw.timeout ?? '10s'), [1, 300_000, '1ms to 5m']);
  const maxBytes = limited(reading, at('maxBytes'), bytes(raw.maxBytes ?? '1Mi'), [1, 4 * 1024 ** 2, '1Ki to 4Mi']);
  return { method, url, headers, body, timeoutMs, maxBytes, place: document.place(segments) };
}

/** What this side of a connection writes by itself (RFC 9110 Section 7.6.1, RFC 9112 Section 6), or cannot read. */
const OURS: ReadonlySet<string> = new Set([
  ...['accept-encoding', 'connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te'],
  ...['trailer', 'transfer-encoding', 'upgrade'],
]);
const CREDENTIALS: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'api-key', 'x-auth-token'],
]);

function readHeaders(
  reading: Reading,
  segments: Segments,
  raw: NonNullable<RawHttp['headers']>,
): HttpConfig['headers'] {
  const { document } = reading;
  const seen = new Set<string>();
  const headers = new Map<string, string | SecretReference>();
  for (const [name, value] of Object.entries(raw)) {
    const at = [...segments, name];
    const folded = name.toLowerCase();
    if (seen.has(folded)) document.add(at, 'this header stands here twice; remove one', 'key');
    seen.add(folded);
    if (OURS.has(folded)) document.add(at, 'this header is written by mcp2 itself; remove it', 'key');
    const problem = typeof value === 'string' ? whyUnusableHeader(folded, value) : undefined;
    if (problem !== undefined) document.add(at, problem);
    const located = typeof value === 'string' ? value : locateSecret(reading, at, value);
    if (located !== undefined) headers.set(name, located);
  }
  return Object.fromEntries(headers);
}

function whyUnusableHeader(folded: string, value: string): string | undefined {
  if (CREDENTIALS.has(folded) && !value.includes('{')) {
    return 'a secret never stands in the configuration: write {fromFile: PATH} or {fromEnv: NAME}';
  }
  // RFC 9110 Section 5.5; more than ASCII is read differently by different servers.
  return /^[\t\x20-\x7e]*$/.test(value) ? undefined : 'a header is one line of ASCII; write it so';
}
