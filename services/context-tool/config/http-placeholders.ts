/** Whether the placeholders of a request are what its callers give, and everything that they give goes somewhere. */
import { isObject, type Segments } from '#lib/schema/schema.ts';
import { suggest } from '#lib/schema/sentences.ts';
import type { StatementNames } from '../database/database.ts';
import type { HttpConfig } from './runtime-config.ts';
import type { RuntimeDocument } from './runtime-document.ts';
import { PLACEHOLDER } from './url-template.ts';

export function checkPlaceholders(
  document: RuntimeDocument,
  segments: Segments,
  { url, headers, body }: Pick<HttpConfig, 'url' | 'headers' | 'body'>,
  { segments: ofKey, parameters }: StatementNames,
): void {
  const known = [...new Set([...ofKey, ...parameters])];
  const used = new Set<string>();
  const check = (text: string, at: Segments) => {
    for (const name of namesIn(text)) {
      used.add(name);
      if (!known.includes(name)) document.add(at, foreignName(name, known));
    }
  };
  check(url, [...segments, 'url']);
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') check(value, [...segments, 'headers', name]);
  }
  visitTexts(body?.json, [...segments, 'body', 'json'], check, (at) =>
    document.add(at, 'a placeholder may stand in a value, not in the name of a member', 'key'),
  );
  for (const name of parameters.filter((one) => !used.has(one) && !ofKey.includes(one))) {
    document.add(
      segments,
      `${name} is used nowhere in the request; write {${name}} where its value belongs, or take it out`,
      'key',
    );
  }
  for (const name of ofKey.filter((one) => parameters.includes(one))) {
    document.add(segments, `${name} is a segment of the key and a parameter; rename one of them`, 'key');
  }
}

function foreignName(name: string, known: readonly string[]): string {
  const advice = known.length === 0 ? '; there are none here' : suggest(name, known);
  return `{${name}} is no segment of the key and no parameter or argument${advice}`;
}

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([, name]) => name ?? []);
}

/** As deep as the limits of YAML let it. */
function visitTexts(
  value: unknown,
  at: Segments,
  onText: (text: string, at: Segments) => void,
  onName: (at: Segments) => void,
): void {
  if (typeof value === 'string') onText(value, at);
  if (Array.isArray(value)) for (const [i, item] of value.entries()) visitTexts(item, [...at, i], onText, onName);
  if (!isObject(value)) return;
  for (const [name, member] of Object.entries(value)) {
    if (namesIn(name).length > 0) onName([...at, name]);
    visitTexts(member, [...at, name], onText, onName);
  }
}
