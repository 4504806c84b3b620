/** An upstream of a context or a tool: its templates are sound, and its placeholders are what its callers give. */
import type { Segments } from '#lib/schema/schema.ts';
import { suggest } from '#lib/schema/sentences.ts';
import type { StatementNames } from '../database/database.ts';
import { parseBody } from '../http/body-template.ts';
import { parseHeaders } from '../http/header-template.ts';
import { parseUrlTemplate } from '../http/url-template.ts';
import { limited } from './limits.ts';
import { bytes, milliseconds } from './quantities.ts';
import { locateSecret, type Reading } from './reading.ts';
import type { HttpConfig, SecretReference } from './runtime-config.ts';

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
  const headers = readHeaders(reading, at('headers'), raw.headers ?? {});
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
    document.add(at('body'), `${method} has no body; use another method, or write {name} into the URL`, 'key');
  }
  const used = readTemplates(reading, segments, raw);
  if (names !== undefined && used !== undefined) checkNames(reading, segments, used, names);
  const timeoutMs = limited(reading, at('timeout'), milliseconds(raw.timeout ?? '10s'), [1, 300_000, '1ms to 5m']);
  const maxBytes = limited(reading, at('maxBytes'), bytes(raw.maxBytes ?? '1Mi'), [1, 4 * 1024 ** 2, '1Ki to 4Mi']);
  return { method, url, headers, body, timeoutMs, maxBytes, place: document.place(segments) };
}

function readHeaders(reading: Reading, at: Segments, raw: NonNullable<RawHttp['headers']>): HttpConfig['headers'] {
  const headers = Object.entries(raw).map(([name, value]) => {
    return [name, typeof value === 'string' ? value : (locateSecret(reading, [...at, name], value) ?? '')] as const;
  });
  return Object.fromEntries(headers);
}

interface Used {
  readonly name: string;
  readonly at: Segments;
}

/** Adds what is wrong with the templates. @returns the names that they refer to; undefined where the URL is broken */
function readTemplates(
  { document }: Reading,
  segments: Segments,
  { url, headers = {}, body }: RawHttp,
): readonly Used[] | undefined {
  const ofUrl = parseUrlTemplate(url);
  const atUrl = [...segments, 'url'];
  for (const problem of ofUrl.problems) document.add(atUrl, `cannot be used: ${problem}`);
  const ofHeaders = parseHeaders(headers);
  for (const { header, message } of ofHeaders.problems) document.add([...segments, 'headers', header], message);
  const ofBody = body === undefined ? undefined : parseBody(body.json);
  const atBody = [...segments, 'body', 'json'];
  for (const { path, message } of ofBody?.problems ?? []) document.add([...segments, 'body', ...pathOf(path)], message);
  if (ofUrl.problems.length > 0) return undefined;
  const headerNames = Object.entries(headers).flatMap(([header, value]) =>
    parseHeaders({ [header]: value }).names.map((name) => ({ name, at: [...segments, 'headers', header] })),
  );
  return [
    ...ofUrl.names.map((name) => ({ name, at: atUrl })),
    ...headerNames,
    ...(ofBody?.names ?? []).map((name) => ({ name, at: atBody })),
  ];
}

/** Everything that is used is given, and everything that is given is used. A segment of a key need not be. */
function checkNames(
  { document }: Reading,
  segments: Segments,
  used: readonly Used[],
  { segments: ofKey, parameters }: StatementNames,
): void {
  const known = [...new Set([...ofKey, ...parameters])];
  for (const { name, at } of used) {
    if (known.includes(name)) continue;
    const advice = known.length === 0 ? '; there are none here' : suggest(name, known);
    document.add(at, `{${name}} is no segment of the key and no parameter or argument${advice}`);
  }
  const usedNames = new Set(used.map(({ name }) => name));
  for (const name of parameters.filter((one) => !usedNames.has(one) && !ofKey.includes(one))) {
    const message = `${name} is used nowhere in the request; write {${name}} where its value belongs, or take it out`;
    document.add(segments, message, 'key');
  }
  for (const name of ofKey.filter((one) => parameters.includes(one))) {
    document.add(segments, `${name} is a segment of the key and a parameter; rename one of them`, 'key');
  }
}

/** "json.items[0].sku" as segments; of a name that holds such marks itself, the place is that of a part around it. */
function pathOf(path: string): Segments {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([name, index]) => (index === undefined ? name : Number(index)));
}
