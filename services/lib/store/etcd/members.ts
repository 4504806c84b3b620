/**
 * The members of one etcd cluster, and which of them is asked.
 *
 * One client a member and a choice of our own, because a client that knows them all picks another one for every
 * call, so that one frozen member of three fails every third call until its deadline. We stay with a member until
 * it fails, then try the next. Two clients a member, because etcd3 closes all channels of a client when one of its
 * streams breaks (DECISIONS.md, "Of npm etcd3 only the connections and messages are used").
 */
import { type ChannelOptions, InterceptingCall, type Interceptor } from '@grpc/grpc-js';
import { Etcd3, type IOptions } from 'etcd3';
import { ServiceError } from '#lib/errors.ts';

export interface EtcdTls {
  /** PEM of the authority that signed the members' certificates. */
  readonly ca: Buffer;
  /** PEM of our certificate; with etcd's auth enabled its common name is our user. */
  readonly certificate?: Buffer;
  /** PEM. */
  readonly key?: Buffer;
}

export interface MembersOptions {
  /** "https://host:2379" of each member; all https or all http. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Uniform in [0, 1): which member comes first, so that a fleet spreads over them. */
  readonly random: () => number;
}

export interface Member {
  /** For unary calls. */
  readonly calls: Etcd3;
  /** For watches and keep-alives. */
  readonly streams: Etcd3;
}

/** An etcd3 error on its way through etcd3's pool, which closes all channels of a client on those it recognises. */
export class CallFailure extends Error {
  constructor(cause: unknown) {
    super('a call to etcd failed', { cause });
    this.name = 'CallFailure';
  }
}

/** etcd ends a call with "no leader" at once, instead of leaving it silent on a member that lost the others. */
export const requireLeader: Interceptor = (options, nextCall) =>
  new InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      metadata.set('hasleader', 'true');
      next(metadata, listener);
    },
  });

export class Members {
  readonly #endpoints: readonly string[];
  #members: readonly Member[];
  #current: number;
  #answering = false;

  /** @throws ServiceError ARGUMENT_INVALID */
  constructor({ endpoints, tls, random }: MembersOptions) {
    checkEndpoints(endpoints, tls);
    this.#endpoints = endpoints;
    this.#members = this.connectAnew(tls);
    this.#current = Math.floor(random() * endpoints.length);
  }

  get current(): Member {
    const member = this.#members[this.#current];
    if (member === undefined) throw new Error('a cluster has at least one member');
    return member;
  }

  /** Whether the current member answered its last call. */
  get answering(): boolean {
    return this.#answering;
  }

  answered(member: Member): void {
    if (member === this.current) this.#answering = true;
  }

  /** The next call goes to the next member. */
  failed(member: Member): void {
    if (member !== this.current) return;
    this.#answering = false;
    this.#current = (this.#current + 1) % this.#members.length;
  }

  /** Clients of the same members with other certificates; not used before `replace`. The caller closes them. */
  connectAnew(tls: EtcdTls | undefined): readonly Member[] {
    return this.#endpoints.map((endpoint) => ({
      calls: new Etcd3(clientOptions(endpoint, tls)),
      streams: new Etcd3(clientOptions(endpoint, tls)),
    }));
  }

  /**
   * From now on calls go to these clients, first to that of `current`.
   *
   * @returns the clients before, which the caller closes when nothing runs on them any more.
   */
  replace(members: readonly Member[], current: Member): readonly Member[] {
    const before = this.#members;
    this.#members = members;
    this.#current = members.indexOf(current);
    this.#answering = false;
    return before;
  }

  /** False for a client that was replaced. */
  includes(member: Member): boolean {
    return this.#members.includes(member);
  }

  close(): void {
    closeMembers(this.#members);
  }
}

export function closeMembers(members: readonly Member[]): void {
  for (const { calls, streams } of members) {
    calls.close();
    streams.close();
  }
}

const MEBIBYTE = 1024 * 1024;

const CHANNEL_OPTIONS: ChannelOptions = Object.freeze({
  // etcd sends a client away that pings more often than every 5 s (--grpc-keepalive-min-time).
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.max_receive_message_length': 64 * MEBIBYTE,
  'grpc.max_send_message_length': 2 * MEBIBYTE,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A member whose pod was replaced has another address under the same name; by default grpc-js asks again after 30 s.
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc-node.flow_control_window': MEBIBYTE,
  'grpc.service_config_disable_resolution': 1,
  // What a proxy of the environment answers for an etcd it cannot reach looks like an etcd that is away.
  'grpc.enable_http_proxy': 0,
});

function clientOptions(endpoint: string, tls: EtcdTls | undefined): IOptions {
  return {
    hosts: endpoint,
    grpcOptions: CHANNEL_OPTIONS,
    faultHandling: { global: passThrough, host: () => passThrough },
    ...(tls === undefined ? {} : { credentials: clientCredentials(tls) }),
  };
}

function clientCredentials({ ca, certificate, key }: EtcdTls): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: ca,
    ...(certificate === undefined ? {} : { certChain: certificate }),
    ...(key === undefined ? {} : { privateKey: key }),
  };
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

/** No retry and no breaker of etcd3's; ours are in etcd-calls.ts. etcd3 calls nothing of a policy but `execute`. */
const passThrough = Object.freeze({
  async execute<T>(call: () => PromiseLike<T> | T): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw error instanceof CallFailure ? error : new CallFailure(error);
    }
  },
}) as unknown as Policy;

function checkEndpoints(endpoints: readonly string[], tls: EtcdTls | undefined): void {
  const scheme = tls === undefined ? 'http or https' : 'https';
  const schemes = new Set(endpoints.map((endpoint) => /^(https?):\/\/[^/]+:[0-9]+$/.exec(endpoint)?.[1]));
  const wellFormed = schemes.size === 1 && !schemes.has(undefined) && !(tls !== undefined && schemes.has('http'));
  if (wellFormed && (tls?.certificate === undefined) === (tls?.key === undefined)) return;
  throw new ServiceError(
    'ARGUMENT_INVALID',
    `etcd's endpoints must be one or more ${scheme} URLs of one scheme with a port, like "https://etcd-0:2379", and a client certificate needs its key`,
  );
}
