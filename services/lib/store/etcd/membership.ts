/**
 * Who belongs to an etcd cluster, and how a member joins and leaves it: for the members' own start, not for the store.
 *
 * A list comes from what one member knows, without a majority: also a cluster that lost it must be recognised as one
 * that exists. Changes need a majority.
 */
import type { CallOptions } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import { CallFailure, type EtcdTls, type Member, Members, requireLeader } from './members.ts';

export interface ClusterMember {
  readonly id: string;
  /** Empty: it was added and has never started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** It has told the others where its clients reach it: it was a member with data. */
  readonly hasStarted: boolean;
}

export interface MembershipOptions {
  /** "https://host:2379" of the members to ask, one after the other. */
  readonly endpoints: readonly string[];
  readonly tls: EtcdTls | undefined;
  readonly clock: Clock;
  /** Of each call. Default 3000. */
  readonly callTimeoutMs?: number;
}

export interface EtcdMembership {
  /** @returns undefined when no member answers. */
  list(): Promise<readonly ClusterMember[] | undefined>;
  /** @throws what etcd said, for example that too few members have started. */
  add(peerUrl: string): Promise<void>;
  /** @throws what etcd said. */
  remove(id: string): Promise<void>;
  close(): void;
}

/** Nothing is connected yet. @throws ServiceError ARGUMENT_INVALID */
export function connectEtcdMembership(options: MembershipOptions): EtcdMembership {
  const { endpoints, tls, clock, callTimeoutMs = 3_000 } = options;
  const members = new Members({ endpoints, random: () => 0, ...(tls === undefined ? {} : { tls }) });

  /** Of the first member that answers. @throws the last member's error */
  async function ask<T>(call: (member: Member, options: CallOptions) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const _ of endpoints) {
      const member = members.current;
      try {
        return await call(member, { deadline: clock.nowMs() + callTimeoutMs });
      } catch (error) {
        members.failed(member);
        last = error instanceof CallFailure ? error.cause : error;
      }
    }
    throw last;
  }

  return {
    list: () =>
      ask(({ calls }, settings) => calls.cluster.memberList({ linearizable: false }, settings)).then(
        (answer) => answer.members.map(toMember),
        () => undefined,
      ),
    async add(peerUrl) {
      const request = { peerURLs: [peerUrl], isLearner: false };
      await ask(({ calls }, settings) =>
        calls.cluster.memberAdd(request, { ...settings, interceptors: [requireLeader] }),
      );
    },
    async remove(id) {
      await ask(({ calls }, settings) =>
        calls.cluster.memberRemove({ ID: id }, { ...settings, interceptors: [requireLeader] }),
      );
    },
    close: () => members.close(),
  };
}

interface MemberAnswer {
  readonly ID: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
}

function toMember({ ID: id, name, peerURLs: peerUrls, clientURLs }: MemberAnswer): ClusterMember {
  return { id, name, peerUrls, hasStarted: clientURLs.length > 0 };
}
