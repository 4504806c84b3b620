/** How a client and a server reach the registry: one channel, kept alive, whose CA is read again when its file changes. */
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import { RpcChannel } from '#lib/grpc/channel.ts';
import { type TlsCredentials, tlsClient } from '#lib/grpc/credentials.ts';
import { reconnectOptions } from '#lib/grpc/retry.ts';
import type { Logger } from '#lib/logger.ts';
import { KEEPALIVE_OPTIONS } from './endpoint-pool.ts';
import { NotConfigured } from './settings.ts';

export interface RegistryChannelOptions {
  readonly credentials: ChannelCredentials;
  readonly clock: Clock;
  /** The name in the registry's certificate, where its address is another one. */
  readonly tlsServerName: string | undefined;
}

/** Connects when first used. */
export function registryChannel(address: string, options: RegistryChannelOptions): RpcChannel {
  const { credentials, clock, tlsServerName } = options;
  return new RpcChannel(address, {
    credentials,
    clock,
    channel: {
      ...KEEPALIVE_OPTIONS,
      ...reconnectOptions(),
      ...(tlsServerName === undefined ? {} : { 'grpc.ssl_target_name_override': tlsServerName }),
    },
  });
}

/** PEM files. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** @throws NotConfigured for files that cannot be used */
export async function openTlsFiles(
  files: TlsFiles,
  dependencies: { readonly clock: Clock; readonly log: Logger },
): Promise<TlsCredentials<ChannelCredentials>> {
  try {
    return await tlsClient(files, dependencies);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NotConfigured(`the CA file ${files.caFile} cannot be used: ${why}`, error);
  }
}
