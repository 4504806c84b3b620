/**
 * Register: one instance of a server enters Discovery, on a lease.
 *
 * The guard asked who calls, with which rights, for what. Then comes who owns the name, then one transaction. Before it
 * nothing is written but a lease without keys, which ends by itself.
 */

import { compilePattern } from '#lib/capability/pattern.ts';
import { hasReason } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { InstanceRecord } from '#lib/store/instances.ts';
import { type ServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import { type Lease, LeaseGoneError, type Revision, type Store } from '#lib/store/store.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { ZONE_TAG } from '#lib/well-known.ts';
import type { RegisterRequest__Output } from '#protos/generated/mcp2/RegisterRequest.ts';
import type { RegisterResponse } from '#protos/generated/mcp2/RegisterResponse.ts';
import { type Declaration, type DeclarationRules, readDeclaration } from './declaration.ts';
import { hashLeaseToken, isInstanceId, LEASE_TOKEN_BYTES, newInstanceId, type RandomBytes } from './lease-token.ts';
import { chooseInstance, instanceUnknown, requireOwnable } from './ownership.ts';
import { type RegistrationStore, untilDecided } from './registration-store.ts';

export interface RegisterDependencies {
  readonly store: Pick<Store, 'grantLease' | 'revokeLease'>;
  readonly registrations: RegistrationStore;
  readonly rules: DeclarationRules;
  readonly randomBytes: RandomBytes;
}

interface Wish {
  readonly serverName: string;
  readonly sub: string;
  readonly mayTakeOver: boolean;
  readonly capabilities: readonly string[];
  readonly declaration: Declaration;
  readonly instanceId: string;
  /** Of the request, for the instance that it renews. */
  readonly leaseToken: Uint8Array;
}

export function createRegister(
  dependencies: RegisterDependencies,
): UnaryHandler<RegisterRequest__Output, RegisterResponse> {
  const registrar = new Registrar(dependencies);
  return (request, call) => registrar.register(request, call);
}

class Registrar {
  readonly #dependencies: RegisterDependencies;

  constructor(dependencies: RegisterDependencies) {
    this.#dependencies = dependencies;
  }

  async register(request: RegisterRequest__Output, call: CallContext): Promise<RegisterResponse> {
    const { randomBytes } = this.#dependencies;
    const wish = this.#readWish(call.requireCaller(), request, call);
    const leaseToken = randomBytes(LEASE_TOKEN_BYTES);
    const { lease, instanceId, revision } = await untilDecided(() => this.#attempt(wish, hashLeaseToken(leaseToken)));
    const { sub, serverName } = wish;
    call.log.debug({ subject: sub, server: serverName, instanceId, leaseId: lease.id, revision }, 'registered');
    return {
      success: true,
      message: `registered ${serverName}`,
      lease_id: lease.id,
      ttl_seconds: lease.ttlSeconds,
      instance_id: instanceId,
      revision,
      lease_token: Buffer.from(leaseToken),
    };
  }

  #readWish(token: VerifiedToken, request: RegisterRequest__Output, call: CallContext): Wish {
    const { server_name: serverName, instance_id: instanceId, lease_token: leaseToken } = request;
    if (instanceId !== '' && !isInstanceId(instanceId)) throw instanceUnknown();
    return {
      serverName,
      sub: token.sub,
      mayTakeOver: mayTakeOver(token, serverName),
      capabilities: [...new Set(request.capabilities)],
      declaration: readDeclaration(request, textValues(call, 'grpc-url'), this.#dependencies.rules),
      instanceId,
      leaseToken,
    };
  }

  /** @returns undefined when another writer was quicker. */
  async #attempt(wish: Wish, leaseTokenHash: string): Promise<Registered | undefined> {
    const { store, registrations, randomBytes } = this.#dependencies;
    const seen = await registrations.readServer(wish.serverName);
    requireOwnable(seen.held, wish);
    const choice = chooseInstance(seen.instances, { ...wish, url: wish.declaration.url });
    const instanceId = choice.replaced?.record.endpoint.instanceId ?? newInstanceId(randomBytes);
    const lease = await store.grantLease(wish.declaration.ttlSeconds);
    const record = toInstanceRecord(wish, { instanceId, leaseTokenHash, ttlSeconds: lease.ttlSeconds });
    const server = { seen, record: toServerRecord(wish) };
    const write = registrations.writeInstance({ record, leaseId: lease.id, ...choice, server });
    const revision = await this.#abandonOnFailure(write, lease);
    return revision === undefined ? undefined : { lease, instanceId, revision };
  }

  /** A registration that failed must not appear later: without its lease the write can no longer happen. */
  async #abandonOnFailure(write: Promise<Revision | undefined>, lease: Lease): Promise<Revision | undefined> {
    const { store } = this.#dependencies;
    try {
      const revision = await write;
      if (revision === undefined) await store.revokeLease(lease.id);
      return revision;
    } catch (error) {
      if (error instanceof LeaseGoneError) return undefined;
      // Not waited for while the store is away; if it stays away the lease ends by itself.
      const revoked = store.revokeLease(lease.id).catch(() => undefined);
      if (!hasReason(error, 'STORE_UNAVAILABLE')) await revoked;
      throw error;
    }
  }
}

interface Registered {
  readonly lease: Lease;
  readonly instanceId: string;
  readonly revision: Revision;
}

/** A token without capabilities cannot take over, whatever its grants: taking over is never implied. */
function mayTakeOver(token: VerifiedToken, serverName: string): boolean {
  const takeover = compilePattern(`registry:takeover:${serverName}`);
  return takeover !== undefined && (token.capabilities?.covers(takeover) ?? false);
}

function textValues({ metadata }: CallContext, key: string): string[] {
  return metadata.get(key).filter((value) => typeof value === 'string');
}

function toServerRecord({ serverName, sub, capabilities, declaration }: Wish): ServerRecord {
  const { tags, version, visibility } = declaration;
  const owner = { manager: 'register', sub } as const;
  return sealServerRecord({
    name: serverName,
    owner,
    capabilities,
    tags,
    version,
    visibility,
    cardDigest: '',
    endpoints: [],
  });
}

function toInstanceRecord(
  { serverName, sub, capabilities, declaration }: Wish,
  lease: { readonly instanceId: string; readonly leaseTokenHash: string; readonly ttlSeconds: number },
): InstanceRecord {
  const { url, tags, version, visibility, weight } = declaration;
  const { instanceId, leaseTokenHash, ttlSeconds } = lease;
  const zone = tags[ZONE_TAG];
  return {
    serverName,
    sub,
    endpoint: {
      instanceId,
      url,
      transport: 'UNKNOWN',
      ...(zone === undefined ? {} : { zone }),
      // The registrant vouches for itself; a heartbeat changes it.
      health: 'SERVING',
      weight,
    },
    capabilities,
    tags,
    version,
    visibility,
    loadPermille: 0,
    ttlSeconds,
    leaseTokenHash,
  };
}
