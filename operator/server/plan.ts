/**
 * Decides what to write for one server: pure, so that every case of ownership and loss can be a line in a table.
 *
 * It touches only records of its own installation, namespace and name. A key that moved under a write is planned
 * again from what it holds by then; our own value there means that a reply was lost, not that somebody else won.
 */

import { canonicalJson } from '#lib/canonical-json.ts';
import { describeOwner, type Owner } from '#lib/store/owner.ts';
import { type ServerRecord, sameOwner } from '#lib/store/servers.ts';
import type { Revision } from '#lib/store/store.ts';

/** What a key holds; undefined `record` = something that is no server record. */
export interface Held {
  readonly modRevision: Revision;
  readonly record: ServerRecord | undefined;
}

export type Plan =
  | { readonly action: 'keep'; readonly revision: Revision }
  | {
      readonly action: 'put';
      readonly record: ServerRecord;
      readonly expectedRevision: Revision;
      readonly drift: boolean;
    }
  | { readonly action: 'delete'; readonly expectedRevision: Revision }
  | { readonly action: 'absent' }
  /** Somebody else holds the name; `holder` says who, for people. */
  | { readonly action: 'conflict'; readonly holder: string };

export interface PlanInput {
  /** Undefined: nothing of ours may stay. */
  readonly desired: ServerRecord | undefined;
  readonly held: Held | undefined;
  readonly owner: Owner;
  /** The revision of our last write, if we know it; a record of ours with another one was edited from outside. */
  readonly knownRevision?: Revision | undefined;
}

export function plan({ desired, held, owner, knownRevision }: PlanInput): Plan {
  if (held && !isOurs(held, owner, knownRevision)) {
    if (!desired) return { action: 'absent' };
    return { action: 'conflict', holder: describeHolder(held.record?.owner, owner) };
  }
  if (!desired) return held ? { action: 'delete', expectedRevision: held.modRevision } : { action: 'absent' };
  if (!held) return { action: 'put', record: desired, expectedRevision: 0, drift: knownRevision !== undefined };
  if (held.record && canonicalJson(held.record) === canonicalJson(desired)) {
    return { action: 'keep', revision: held.modRevision };
  }
  const drift = knownRevision !== undefined && held.modRevision !== knownRevision;
  return { action: 'put', record: desired, expectedRevision: held.modRevision, drift };
}

/** A record that we wrote and that cannot be read any more was damaged, and nobody else has claimed it. */
function isOurs({ record }: Held, owner: Owner, knownRevision: Revision | undefined): boolean {
  return record === undefined ? knownRevision !== undefined : sameOwner(record.owner, owner);
}

/** For people: who holds a name that `owner` asks for; names of another installation mean nothing in this one. */
export function describeHolder(holder: Owner | undefined, owner: Owner): string {
  if (holder === undefined) return 'an unreadable record';
  const isElsewhere =
    holder.manager === 'mcp2-operator' &&
    owner.manager === 'mcp2-operator' &&
    holder.installation !== owner.installation;
  return isElsewhere ? `${describeOwner(holder)} of installation "${holder.installation}"` : describeOwner(holder);
}
