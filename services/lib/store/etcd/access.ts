/**
 * Who may do what in etcd: users without a password (the common name of a client certificate is the user), each with one
 * role of its own name, and etcd's access control switched on.
 *
 * Everything is compared with what is there first, so that a second run changes nothing; what was granted beyond the
 * wanted rights is taken back. Users that are not named are left alone.
 */
import { EtcdPermissionDeniedError, EtcdRoleExistsError, EtcdUserExistsError, GRPCUnauthenticatedError } from 'etcd3';
import type { Clock } from '#lib/clock.ts';
import { EtcdCalls, type MemberCall, toStoreError } from './calls.ts';
import { rangeEnd } from './codec.ts';
import { CallFailure, type EtcdTls, Members } from './members.ts';

export interface KeyRight {
  readonly kind: 'read' | 'write';
  /** A key, or with `isPrefix` the beginning of keys. */
  readonly key: string;
  readonly isPrefix: boolean;
}

export interface StoreUser {
  /** The common name of its certificate. */
  readonly name: string;
  readonly rights: readonly KeyRight[];
}

export interface EtcdAccessOptions {
  readonly endpoints: readonly string[];
  readonly tls: EtcdTls;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Of each call with its attempts. Default 3000. */
  readonly callTimeoutMs?: number;
}

export interface EtcdAccess {
  /** Resolves when a majority of members answers us. @throws ServiceError STORE_UNAVAILABLE */
  probe(): Promise<void>;
  /**
   * @param root The user that may do everything; made last, before access control is switched on.
   * @returns what was changed, a sentence each. @throws ServiceError STORE_UNAVAILABLE; what is done stays done
   */
  apply(users: readonly StoreUser[], root: string): Promise<readonly string[]>;
  close(): void;
}

/** Nothing is connected yet. @throws ServiceError ARGUMENT_INVALID */
export function connectEtcdAccess(options: EtcdAccessOptions): EtcdAccess {
  return new AccessControl(options);
}

/** True when etcd answered, and refused our certificate or user: waiting mends nothing. */
export function isAccessRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof EtcdPermissionDeniedError || cause instanceof GRPCUnauthenticatedError;
}

type Permission = { readonly permType: string; readonly key: Buffer; readonly range_end: Buffer };

class AccessControl implements EtcdAccess {
  readonly #members: Members;
  readonly #calls: EtcdCalls;
  readonly #closed = new AbortController();

  constructor({ callTimeoutMs = 3_000, ...options }: EtcdAccessOptions) {
    this.#members = new Members(options);
    const { clock, random } = options;
    const limits = { attemptTimeoutMs: callTimeoutMs, callTimeoutMs, closed: this.#closed.signal };
    this.#calls = new EtcdCalls({ members: this.#members, clock, random, ...limits });
  }

  async probe(): Promise<void> {
    await this.#ask(({ calls }, options) => calls.kv.range({ key: Buffer.from('\0'), count_only: true }, options));
  }

  async apply(users: readonly StoreUser[], root: string): Promise<readonly string[]> {
    const changes: string[] = [];
    const known = await this.#ask(({ calls }, options) => calls.auth.userList(options));
    const roles = await this.#ask(({ calls }, options) => calls.auth.roleList(options));
    for (const { name, rights } of users) {
      changes.push(...(await this.#ensureRole(name, roles.roles)));
      changes.push(...(await this.#ensureRights(name, rights)));
      changes.push(...(await this.#ensureUser(name, known.users)));
    }
    changes.push(...(await this.#ensureRole(root, roles.roles)), ...(await this.#ensureUser(root, known.users)));
    const { enabled } = await this.#ask(({ calls }, options) => calls.auth.authStatus(options));
    if (enabled) return changes;
    await this.#ask(({ calls }, options) => calls.auth.authEnable(options));
    return [...changes, 'access control was switched on'];
  }

  close(): void {
    this.#closed.abort();
    this.#members.close();
  }

  async #ensureRole(name: string, known: readonly string[]): Promise<string[]> {
    if (known.includes(name)) return [];
    await this.#make(({ calls }, options) => calls.auth.roleAdd({ name }, options), EtcdRoleExistsError);
    return [`role ${name} was made`];
  }

  /** A user has its own role and no other: a role that somebody added by hand would widen its rights. */
  async #ensureUser(name: string, known: readonly string[]): Promise<string[]> {
    const changes: string[] = [];
    if (!known.includes(name)) {
      const request = { name, password: '', options: { no_password: true } };
      await this.#make(({ calls }, options) => calls.auth.userAdd(request, options), EtcdUserExistsError);
      changes.push(`user ${name} was made`);
    }
    const { roles } = await this.#ask(({ calls }, options) => calls.auth.userGet({ name }, options));
    if (!roles.includes(name)) {
      await this.#ask(({ calls }, options) => calls.auth.userGrantRole({ user: name, role: name }, options));
      changes.push(`user ${name} was given its role`);
    }
    for (const role of roles.filter((other) => other !== name)) {
      await this.#ask(({ calls }, options) => calls.auth.userRevokeRole({ name, role }, options));
      changes.push(`role ${role} was taken from user ${name}`);
    }
    return changes;
  }

  /** Grants before it revokes, so that a component at work is never without its rights. */
  async #ensureRights(name: string, rights: readonly KeyRight[]): Promise<string[]> {
    const { perm } = await this.#ask(({ calls }, options) => calls.auth.roleGet({ role: name }, options));
    const wanted = rights.map(toPermission);
    const changes: string[] = [];
    for (const permission of wanted.filter((right) => !perm.some((held) => isSame(held, right)))) {
      const request = { name, perm: permission as never };
      await this.#ask(({ calls }, options) => calls.auth.roleGrantPermission(request, options));
      changes.push(`role ${name}: ${describe(permission)} was granted`);
    }
    // One range has one kind of permission in a role: granting replaced the other kind.
    for (const held of perm.filter((right) => !wanted.some((permission) => isSameRange(right, permission)))) {
      const request = { role: name, key: held.key, range_end: held.range_end };
      await this.#ask(({ calls }, options) => calls.auth.roleRevokePermission(request, options));
      changes.push(`role ${name}: ${describe(held)} was revoked`);
    }
    return changes;
  }

  async #ask<T>(call: MemberCall<T>): Promise<T> {
    try {
      return await this.#calls.repeat(call);
    } catch (error) {
      throw toStoreError(error instanceof CallFailure ? error.cause : error);
    }
  }

  /** Two jobs may run at once, or a reply get lost: what exists already is made. */
  async #make(call: MemberCall<unknown>, exists: new (...args: never[]) => Error): Promise<void> {
    await this.#ask(call).catch((error: Error) => {
      if (!(error.cause instanceof exists)) throw error;
    });
  }
}

/** Of the enumerator; the types want its name in a spelling that is not the wire's. */
const NUMBER_OF_KIND = { read: 0, write: 1 } as const;
const KIND_OF_NAME: Readonly<Record<string, string>> = { READ: 'read', WRITE: 'write', READWRITE: 'read and write' };

function toPermission({ kind, key, isPrefix }: KeyRight) {
  const range_end = isPrefix ? rangeEnd(key) : Buffer.alloc(0);
  return { permType: NUMBER_OF_KIND[kind], kind, key: Buffer.from(key), range_end };
}

type WantedPermission = ReturnType<typeof toPermission>;

function kindOf(permission: Permission | WantedPermission): string {
  return 'kind' in permission ? permission.kind : (KIND_OF_NAME[permission.permType.toUpperCase()] ?? 'unknown');
}

function isSame(held: Permission, wanted: WantedPermission): boolean {
  return kindOf(held) === wanted.kind && isSameRange(held, wanted);
}

function isSameRange(a: Permission, b: WantedPermission): boolean {
  return a.key.equals(b.key) && a.range_end.equals(b.range_end);
}

function describe(permission: Permission | WantedPermission): string {
  const key = permission.key.toString();
  return `${kindOf(permission)} ${permission.range_end.length === 0 ? key : `${key}…`}`;
}
