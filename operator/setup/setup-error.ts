/** What a person has to put right before a setup task can go on; the message says what and how. */
import { KubeApiError } from '#lib/kube/api-error.ts';
import { formatKey, type ObjectName, type ResourceType } from '#lib/kube/object.ts';
import { UserError } from '#lib/user-error.ts';

export class SetupError extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SetupError';
  }
}

/** "Secret mcp2-system/mcp2-ca", for messages. */
export function nameForPeople({ kind }: ResourceType, name: ObjectName): string {
  return `${kind} ${formatKey(name)}`;
}

/** Adds to a refusal which right is missing; any other error is handed back as it is. An empty name = all objects. */
export function explainRefusal(error: unknown, verb: string, resource: ResourceType, object: ObjectName): unknown {
  if (!(error instanceof KubeApiError) || (error.code !== 403 && error.code !== 422)) return error;
  const what = object.name === '' ? resource.plural : nameForPeople(resource, object);
  if (error.code === 422) return new SetupError(`${what} cannot be written: ${error.message}`, { cause: error });
  const scope = object.namespace === undefined ? 'cluster' : `namespace ${object.namespace}`;
  const which = object.name === '' ? resource.plural : `${resource.plural} "${object.name}"`;
  const where = `"${verb}" on ${which} in the ${scope}`;
  return new SetupError(`${what}: the setup job's ServiceAccount may not; allow it ${where} (${error.message})`, {
    cause: error,
  });
}
