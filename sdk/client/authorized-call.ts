/**
 * A call with the token, which its errors never hold. The token goes into its own field where the message has one, since
 * servers made from the proposal's proto look nowhere else and the registry knows the same bytes again; else into metadata.
 */
import type { CallSettings, Method, RpcChannel } from '#lib/grpc/channel.ts';
import { withoutToken } from './token-free-error.ts';

const FIELDS: readonly string[] = [
  'capability_token',
  'requester_token',
  'registration_token',
  'publisher_token',
  'subscriber_token',
];

interface Authorized {
  readonly request: object;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface AuthorizedCall {
  readonly channel: RpcChannel;
  readonly method: Method;
  readonly request: object;
  readonly token: string;
}

/** One attempt with the token. @throws CallError that cannot hold it */
export async function sendWithToken(
  { channel, method, request, token }: AuthorizedCall,
  settings: CallSettings,
): Promise<unknown> {
  const authorized = authorizeRequest(method, request, token);
  const metadata = { ...settings.metadata, ...authorized.metadata };
  try {
    return await channel.unary(method, authorized.request, { ...settings, metadata });
  } catch (error) {
    throw withoutToken(error, token);
  }
}

/** A request that carries a token already is left as it is. */
function authorizeRequest(method: Method, request: object, token: string): Authorized {
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
