/**
 * Puts the token into a request: into its own field where the message has one, since servers made from the proposal's
 * proto look nowhere else and the registry knows the same bytes again; else into metadata.
 */
import type { Method } from '#lib/grpc/channel.ts';

const FIELDS: readonly string[] = [
  'capability_token',
  'requester_token',
  'registration_token',
  'publisher_token',
  'subscriber_token',
];

export interface Authorized {
  readonly request: object;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A request that carries a token already is left as it is. */
export function authorizeRequest(method: Method, request: object, token: string): Authorized {
  const field = tokenFieldOf(method);
  if (field === undefined) return { request, metadata: { authorization: `Bearer ${token}` } };
  const given = (request as Readonly<Record<string, unknown>>)[field];
  return { request: given ? request : { ...request, [field]: token }, metadata: {} };
}

function tokenFieldOf(method: Method): string | undefined {
  const { requestType } = method as { readonly requestType?: { readonly type?: unknown } };
  const { field = [] } = (requestType?.type ?? {}) as { readonly field?: readonly { readonly name?: string }[] };
  return field.map(({ name = '' }) => name).find((name) => FIELDS.includes(name));
}
