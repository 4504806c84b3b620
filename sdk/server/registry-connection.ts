/** The registry as a server calls it to make itself known: one connection, and its own token with each call. */
import type { Method, RpcChannel } from '#lib/grpc/channel.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import type { Logger } from '#lib/logger.ts';
import type { HeartbeatRequest } from '#protos/generated/mcp2/HeartbeatRequest.ts';
import type { RegisterRequest } from '#protos/generated/mcp2/RegisterRequest.ts';
import type { RegisterResponse__Output } from '#protos/generated/mcp2/RegisterResponse.ts';
import type { Services } from '#protos/load.ts';
import type { Ambient } from '../client/ambient.ts';
import { sendWithToken } from '../client/authorized-call.ts';
import { openTlsFiles, registryChannel } from '../client/registry-channel.ts';
import { type ConnectionOptions, readSettings } from '../client/settings.ts';
import { withoutToken } from '../client/token-free-error.ts';
import { type TokenSource, takeToken } from '../client/token-source.ts';

export interface RegistryConnectionOptions extends ConnectionOptions {
  /** The name in the registry's certificate, where its address is another one. */
  readonly tlsServerName?: string | undefined;
}

export interface RegistryConnectionDependencies {
  readonly ambient: Ambient;
  readonly protos: Pick<Services, 'Discovery'>;
  readonly log: Logger;
}

/** Which instance, and what proves that it is ours. */
export type HeldInstance = Pick<RegisterResponse__Output, 'instance_id' | 'lease_token'>;

/** Each call fails with a CallError that holds no token. */
export interface RegistryConnection {
  /** host:port. */
  readonly address: string;
  register(request: RegisterRequest, signal: AbortSignal): Promise<RegisterResponse__Output>;
  beat(request: HeartbeatRequest, signal: AbortSignal): Promise<void>;
  deregister(serverName: string, instance: HeldInstance): Promise<void>;
  close(): void;
}

const CALL_MS = 5_000;
/** At the end of a process nobody waits long: the lease ends by itself. */
const DEREGISTER_MS = 2_000;

/** @throws NotConfigured */
export async function openRegistry(
  options: RegistryConnectionOptions,
  dependencies: RegistryConnectionDependencies,
): Promise<RegistryConnection> {
  const { ambient, protos, log } = dependencies;
  const { clock } = ambient;
  const { registry: address, caFile, token } = readSettings(options, ambient);
  const tls = caFile === undefined ? undefined : await openTlsFiles({ caFile }, { clock, log });
  const credentials = tls?.credentials ?? plaintextClient();
  const channel = registryChannel(address, { credentials, clock, tlsServerName: options.tlsServerName });
  const send = async (name: 'Register' | 'Deregister', request: object, settings: Sent): Promise<unknown> =>
    sendWithToken({ channel, method: methodOf(protos, name), request, token: await takeToken(token) }, settings);
  return {
    address,
    register: async (request, signal) =>
      (await send('Register', request, { deadlineMs: CALL_MS, signal })) as RegisterResponse__Output,
    beat: (request, signal) => beatOnce({ channel, protos, token }, request, signal),
    async deregister(server_name, { instance_id, lease_token }) {
      await send('Deregister', { server_name, instance_id, lease_token }, { deadlineMs: DEREGISTER_MS });
    },
    close() {
      channel.close();
      tls?.close();
    },
  };
}

interface Sent {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

interface Beating {
  readonly channel: RpcChannel;
  readonly protos: Pick<Services, 'Discovery'>;
  readonly token: TokenSource;
}

/**
 * A stream of one message: any replica may answer it, and one that does not answer is noticed by the deadline. A stream that
 * stays open would need a watch of its own for that.
 */
async function beatOnce(
  { channel, protos, token }: Beating,
  request: HeartbeatRequest,
  signal: AbortSignal,
): Promise<void> {
  const registration_token = await takeToken(token);
  const requests = async function* () {
    yield { ...request, registration_token };
  };
  const settings = { deadlineMs: CALL_MS, signal };
  try {
    // To its end: a stream that its reader leaves counts as cancelled.
    let answers = 0;
    for await (const _answer of channel.bidiStream(methodOf(protos, 'Heartbeat'), requests(), settings)) answers += 1;
    if (answers === 0) throw new Error('the registry ended the heartbeat without an answer');
  } catch (error) {
    throw withoutToken(error, registration_token);
  }
}

function methodOf({ Discovery }: Beating['protos'], name: 'Register' | 'Heartbeat' | 'Deregister'): Method {
  return Discovery[name] as unknown as Method;
}
