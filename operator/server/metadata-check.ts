/**
 * What the API server asks of labels, annotations and times with code of its own, beyond their types.
 *
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
 */
import { MAX_PROBLEMS, type Problem, problemAt } from '#lib/schema/structure.ts';
import type { Metadata } from './resource.ts';

const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
/** RFC 3339, as Go's `time.RFC3339` reads it. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[-+]\d{2}:\d{2})$/;
const MAX_NAME_CHARACTERS = 63;
const MAX_PREFIX_CHARACTERS = 253;
/** Of keys and values together. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

const KEY_ADVICE = "write a name of at most 63 letters, digits, '-', '_' or '.', after a DNS name and '/' if you like";
const VALUE_ADVICE = "write at most 63 letters, digits, '-', '_' or '.' that start and end with a letter or a digit";

/** For metadata whose types are right. */
export function checkMetadata(metadata: Partial<Metadata>): Problem[] {
  const { labels = {}, annotations = {} } = metadata;
  const problems: Problem[] = [];
  const say = (segments: readonly string[], message: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push(problemAt(['metadata', ...segments], message));
  };
  for (const [key, value] of Object.entries(labels)) {
    if (!isQualifiedName(key)) say(['labels', key], `is not a valid key of a label; ${KEY_ADVICE}`);
    if (value !== '' && !isName(value)) say(['labels', key], `is not a valid value of a label; ${VALUE_ADVICE}`);
  }
  for (const name of ['creationTimestamp', 'deletionTimestamp'] as const) {
    const time = metadata[name];
    if (time !== undefined && !TIME.test(time)) say([name], 'is not a valid time; leave it out');
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // The API server asks this of the key in small letters.
    if (!isQualifiedName(key.toLowerCase()))
      say(['annotations', key], `is not a valid key of an annotation; ${KEY_ADVICE}`);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) say(['annotations'], 'is too long; write at most 256 KiB of keys and values');
  return problems;
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME_CHARACTERS && NAME.test(text);
}

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash === -1) return isName(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= MAX_PREFIX_CHARACTERS && SUBDOMAIN.test(prefix) && isName(key.slice(slash + 1));
}
