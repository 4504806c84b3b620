/**
 * Deregister: takes one instance away. What is already gone is a success, so that a lost reply can be repeated.
 *
 * The name stays its owner's; the collector frees it a day after the last instance.
 */
import { ServiceError } from '#lib/errors.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { DeregisterRequest__Output } from '#protos/generated/mcp2/DeregisterRequest.ts';
import type { DeregisterResponse } from '#protos/generated/mcp2/DeregisterResponse.ts';
import { isInstanceId } from './lease-token.ts';
import { requireLease } from './ownership.ts';
import { type RegistrationStore, untilDecided } from './registration-store.ts';

export interface DeregisterDependencies {
  readonly registrations: RegistrationStore;
}

type Deregister = UnaryHandler<DeregisterRequest__Output, DeregisterResponse>;

export function createDeregister({ registrations }: DeregisterDependencies): Deregister {
  return async function deregister(request, call) {
    const { sub } = call.requireCaller();
    const { server_name: serverName, instance_id: instanceId, lease_token: leaseToken } = request;
    if (instanceId === '') throw new ServiceError('ARGUMENT_INVALID', 'say which instance: set instance_id');
    const gone = !isInstanceId(instanceId);
    if (!gone) await untilDecided(removeInstance);
    call.log.debug({ subject: sub, server: serverName, instanceId }, 'deregistered');
    return { success: true };

    async function removeInstance(): Promise<true | undefined> {
      const stored = await registrations.readInstance(serverName, instanceId);
      if (stored === undefined) return true;
      requireLease(stored.record, sub, leaseToken);
      return (await registrations.deleteInstance(stored)) || undefined;
    }
  };
}
