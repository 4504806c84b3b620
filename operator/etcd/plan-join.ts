/**
 * How a member of the bundled etcd starts, from what its volume holds and what the others say: pure.
 *
 * A member that lost its data must not come back under its old id: the others count on entries that it acknowledged and
 * does not have any more. So it leaves the cluster first and joins as a new member.
 */
import type { ClusterMember } from '#lib/store/etcd/membership.ts';

export interface Peer {
  readonly name: string;
  /** "https://host:2380". */
  readonly url: string;
}

export interface JoinSituation {
  readonly self: Peer;
  /** All members that the release wants, this one included. */
  readonly wanted: readonly Peer[];
  readonly hasData: boolean;
  /** What another member knows; undefined when none answers. */
  readonly known: readonly ClusterMember[] | undefined;
}

export type JoinStep =
  /** Start etcd: as one of those that make a cluster together, or as a member of one that exists. */
  | { readonly kind: 'start'; readonly state: 'new' | 'existing'; readonly cluster: readonly Peer[] }
  /** This member had data and lost it. */
  | { readonly kind: 'leave'; readonly id: string }
  | { readonly kind: 'join' };

export function planJoin({ self, wanted, hasData, known }: JoinSituation): JoinStep {
  // etcd reads neither then: its log says who its peers are.
  if (hasData || known === undefined) return { kind: 'start', state: hasData ? 'existing' : 'new', cluster: wanted };
  const own = known.find(({ peerUrls }) => peerUrls.includes(self.url));
  if (own === undefined) return { kind: 'join' };
  if (own.hasStarted) return { kind: 'leave', id: own.id };
  // Named by the first start of all, in which this member is late.
  if (own.name !== '') return { kind: 'start', state: 'new', cluster: wanted };
  return { kind: 'start', state: 'existing', cluster: known.map((member) => toPeer(member, wanted)) };
}

/** A member that was added and has not started has no name yet; etcd wants one for each. */
function toPeer({ name, peerUrls }: ClusterMember, wanted: readonly Peer[]): Peer {
  const url = peerUrls[0] ?? '';
  return { url, name: name || (wanted.find((peer) => peer.url === url)?.name ?? url) };
}

/** As etcd's setting "initial-cluster". */
export function formatCluster(cluster: readonly Peer[]): string {
  return cluster.map(({ name, url }) => `${name}=${url}`).join(',');
}
