/**
 * Which documents of a manifest are ours to judge: an Mcp2Server, what was probably meant to be one, and lists of them.
 *
 * Other resources may stand in the same file. A kind or group that is almost ours is judged as ours, because a
 * misspelt one would otherwise pass as somebody else's. Other products have a kind MCPServer, so a kind that only
 * resembles ours counts where its group does too, or is missing.
 */
import { editDistance } from '#lib/edit-distance.ts';
import { onOneLine, shortOnOneLine } from '#lib/printable.ts';
import { kindOfDocument } from '#lib/schema/document-kind.ts';
import { isObject, type Segments } from '#lib/schema/schema.ts';
import { KIND } from '../server/resource.ts';

const GROUP = 'mcp2.dev';
const ALMOST = 2;
const MAX_NAME_CHARACTERS = 60;

/** One resource in a document, and where in it. */
export interface Member {
  readonly value: unknown;
  readonly segments: Segments;
}

/** The items of a list (`kind: List` as kubectl prints it, or Mcp2ServerList); any other value is itself. */
export function membersOf(value: unknown): readonly Member[] {
  if (!isObject(value) || !isList(value) || !Array.isArray(value.items)) return [{ value, segments: [] }];
  return value.items.map((item, index) => ({ value: item, segments: ['items', index] }));
}

/** "Deployment of apps/v1" for a resource of another group, also for what has none; undefined for ours, and for what is no resource at all. */
export function otherKind(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  if (kindOfDocument(value) !== 'resource') return 'document without apiVersion';
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  if (isOurs(apiVersion, kind)) return undefined;
  return `${shortOnOneLine(kind, MAX_NAME_CHARACTERS)} of ${shortOnOneLine(onOneLine(apiVersion), MAX_NAME_CHARACTERS)}`;
}

function isOurs(apiVersion: string, kind: string): boolean {
  if (isList({ apiVersion, kind })) return true; // Its items are no list: the schema says what is wrong.
  const slash = apiVersion.lastIndexOf('/');
  const group = slash === -1 ? undefined : apiVersion.slice(0, slash);
  if (group !== undefined && editDistance(group, GROUP) <= ALMOST) return true;
  if (/^mcp2servers?$/i.test(kind)) return true;
  return group === undefined && editDistance(kind, KIND) <= ALMOST;
}

function isList({ apiVersion, kind }: Readonly<Record<string, unknown>>): boolean {
  if (kind === 'List') return apiVersion === 'v1';
  return kind === `${KIND}List` && typeof apiVersion === 'string' && apiVersion.startsWith(`${GROUP}/`);
}
