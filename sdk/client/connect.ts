/** Makes a client from what it is told and what it finds: see ConnectOptions. */
import type { ChannelCredentials } from '@grpc/grpc-js';
import { plaintextClient, type TlsCredentials } from '#lib/grpc/credentials.ts';
import { type Logger, silentLogger } from '#lib/logger.ts';
import { loadServices, type Services } from '#protos/load.ts';
import { type Ambient, ambientOf } from './ambient.ts';
import { DiscoveringClient, type Mcp2Client } from './client.ts';
import { EndpointPool } from './endpoint-pool.ts';
import { openEventBus } from './event-bus-connection.ts';
import type { EventBusOptions } from './event-bus-settings.ts';
import type { Middleware } from './middleware.ts';
import { openTlsFiles, registryChannel } from './registry-channel.ts';
import { RetryBudget } from './retry-budget.ts';
import { type ConnectionOptions, readSettings } from './settings.ts';

export interface ConnectOptions extends ConnectionOptions, EventBusOptions {
  /** The name in the registry's certificate, where its address is another one. */
  readonly tlsServerName?: string | undefined;
  /** The name in the event bus' certificate, where its address is another one. */
  readonly eventBusTlsServerName?: string | undefined;
  /** Whether servers on other machines may be called in the clear where the registry does not say how. Default: `plaintext`. */
  readonly serverPlaintext?: boolean | undefined;
  /** PEM: who signs the certificates of servers. Default: as the registry's. */
  readonly serverCaFile?: string | undefined;
  /** PEM, for servers that want to see a certificate: both or none. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Where this client runs (topology.kubernetes.io/zone): endpoints of the same zone come first. */
  readonly zone?: string | undefined;
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[];
  /** Of `loadServices()`, for programs that make several clients: loading them takes some 30 ms. */
  readonly services?: Services;
  /** Told of certificate files that changed, or cannot be used. Default: nobody. */
  readonly log?: Logger;
  /** For tests and programs that have an environment of their own. Default: those of the process. */
  readonly ambient?: Partial<Ambient>;
}

/**
 * In a pod with the trust ConfigMap and a token mounted, or beside a running `mcp2 up`, no option is needed. Connects when
 * first used; certificate and token files are read again when they change.
 *
 * @throws NotConfigured when something is neither named nor found, or a certificate file cannot be used
 */
export async function connect(options: ConnectOptions = {}): Promise<Mcp2Client> {
  const ambient = ambientOf(options.ambient);
  const { clock, random } = ambient;
  const settings = readSettings(options, ambient);
  const tls = await openTls({ ...options, caFile: settings.caFile }, ambient);
  const plaintextCredentials = plaintextClient();
  const { tlsServerName, zone = '', middleware = [] } = options;
  const credentials = tls.registry ?? plaintextCredentials;
  const channel = registryChannel(settings.registry, { credentials, clock, tlsServerName });
  const pool = new EndpointPool({
    clock,
    plaintextCredentials,
    tlsCredentials: tls.servers,
    allowPlaintext: options.serverPlaintext ?? settings.plaintext,
  });
  const services = options.services ?? loadServices();
  return new DiscoveringClient({
    services,
    address: settings.registry,
    token: settings.token,
    budget: new RetryBudget({ clock }),
    ...{ channel, pool, clock, random, zone, middleware },
    openEventBus: () =>
      openEventBus(
        { ...options, tlsServerName: options.eventBusTlsServerName },
        { ambient, token: settings.token, protos: services, ...(options.log && { log: options.log }) },
      ),
    onClose: tls.close,
  });
}

interface OpenTls {
  readonly registry: ChannelCredentials | undefined;
  readonly servers: ChannelCredentials | undefined;
  readonly close: () => void;
}

/** @throws NotConfigured */
async function openTls(options: ConnectOptions, { clock }: Ambient): Promise<OpenTls> {
  const { caFile, certificateFile, keyFile, log = silentLogger } = options;
  const serverCaFile = options.serverCaFile ?? caFile;
  const opened: TlsCredentials<ChannelCredentials>[] = [];
  const close = () => {
    for (const one of opened) one.close();
  };
  const open = async (file: string) => {
    try {
      const credentials = await openTlsFiles({ caFile: file, certificateFile, keyFile }, { clock, log });
      opened.push(credentials);
      return credentials.credentials;
    } catch (error) {
      close();
      throw error;
    }
  };
  const registry = caFile === undefined ? undefined : await open(caFile);
  const servers = serverCaFile === caFile || serverCaFile === undefined ? registry : await open(serverCaFile);
  return { registry, servers, close };
}
