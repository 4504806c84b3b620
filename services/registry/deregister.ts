/**
 * Deregister: takes one instance away. What is already gone is a success, so that a lost reply can be repeated.
 *
 * The name stays its owner's; the collector frees it a day after the last instance.
 */
import { ServiceError } from '#lib/errors.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { Authenticate } from '#lib/middleware/authenticate.ts';
import { authorize, requireAudience } from '#lib/token/authorize.ts';
import { REGISTRY_NAME } from '#lib/well-known.ts';
import type { DeregisterRequest__Output } from '#protos/generated/mcp2/DeregisterRequest.ts';
import type { DeregisterResponse } from '#protos/generated/mcp2/DeregisterResponse.ts';
import { isInstanceId } from './lease-token.ts';
import { requireLease } from './ownership.ts';
import { type RegistrationStore, untilDecided } from './registration-store.ts';

export interface DeregisterDependencies {
  readonly authenticate: Authenticate;
  readonly registrations: RegistrationStore;
}

type Deregister = UnaryHandler<DeregisterRequest__Output, DeregisterResponse>;

export function createDeregister({ authenticate, registrations }: DeregisterDependencies): Deregister {
  return async function deregister(request, call) {
    const presented = { token: request.registration_token, proof: request.agent_delegation_proof };
    const token = await authenticate(presented, call);
    requireAudience(token, REGISTRY_NAME);
    const { server_name: serverName, instance_id: instanceId, lease_token: leaseToken } = request;
    authorize(token, { method: 'Discovery.Deregister', resource: serverName });
    if (instanceId === '') throw new ServiceError('ARGUMENT_INVALID', 'say which instance: set instance_id');
    const gone = !isInstanceId(instanceId);
    if (!gone) await untilDecided(removeInstance);
    call.log.debug({ subject: token.sub, server: serverName, instanceId }, 'deregistered');
    return { success: true };

    async function removeInstance(): Promise<true | undefined> {
      const stored = await registrations.readInstance(serverName, instanceId);
      if (stored === undefined) return true;
      requireLease(stored.record, token.sub, leaseToken);
      return (await registrations.deleteInstance(stored)) || undefined;
    }
  };
}
