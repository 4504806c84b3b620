/**
 * How every service starts and stops: TLS, who may call, a gRPC server with health, the ops port, work in the
 * background. What is special about one is what it passes in.
 *
 * It listens at once and says NOT_SERVING until `loaded`, so that a dependency that is down delays answers and not the
 * process. A start that fails leaves nothing open; what was stopped stays stopped.
 */
import type { ServerCredentials } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import { ConfigError } from '../config/env-reader.ts';
import type { ServerTlsFiles } from '../config/tls-files.ts';
import type { CallEnd } from '../grpc/call-context.ts';
import { plaintextServer, type TlsOptions, tlsServer } from '../grpc/credentials.ts';
import type { ServerMiddleware, ServiceEntry } from '../grpc/method.ts';
import { serviceNameOf } from '../grpc/register.ts';
import { createServer, type GrpcServer, type ServerLimits } from '../grpc/serve.ts';
import type { Logger } from '../logger.ts';
import { createGuards, type FormChecks, type OwnGuards, type StoredResources } from '../middleware/guard.ts';
import { parseHostPort } from '../net/listen-address.ts';
import { type Check, startOpsServer } from '../observe/ops-server.ts';
import { atMost } from '../time-limit.ts';
import { type Access, createAccess } from './access.ts';
import { createDenialAudit } from './denial-audit.ts';
import type { ServiceSettings } from './settings.ts';

/** What a service gets of the process that it runs in. */
export interface ServiceRuntime {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where calls are counted; a collection of its own for each service. */
  readonly metrics: Registry;
}

export interface ServiceOptions {
  /** As people call it, for example "context-tool". */
  readonly name: string;
  /** Whom tokens must be meant for. */
  readonly serverName: string;
  readonly settings: Omit<ServiceSettings, 'logLevel'>;
  /** Its handlers; called once. */
  readonly serve: (access: Access) => Served;
  readonly limits?: Partial<ServerLimits>;
  /** By name, what must be so before /readyz says yes. Default: it answers. */
  readonly readiness?: Readonly<Record<string, Check>>;
  /** Resolves when it can serve. Default: at once. */
  readonly loaded?: (signal: AbortSignal) => Promise<void>;
  /** Begins when the ports are open and runs until the signal aborts. A rejection is a failure that nobody handled. */
  readonly background?: (signal: AbortSignal) => Promise<void>;
}

export interface Served {
  readonly services: readonly ServiceEntry[];
  /** What decides where the table of methods leaves it to the service. */
  readonly own?: OwnGuards;
  readonly stored?: StoredResources;
  /** What is asked of a request's form before any right. */
  readonly forms?: FormChecks;
  /** Inside of the guards, the first outermost. */
  readonly middleware?: readonly ServerMiddleware[];
  /** Called for each call that ended; must be quick and not throw. */
  readonly onCallEnd?: (end: CallEnd) => void;
}

export interface RunningService {
  readonly port: number;
  /** Undefined when the settings name none. */
  readonly opsPort: number | undefined;
  /** Resolves when it serves; waits for as long as what it depends on is down. */
  readonly ready: Promise<void>;
  /** Lets running calls finish, for at most `timeoutMs`. A second call waits for the first. */
  stop(timeoutMs: number): Promise<void>;
}

/** What a stop waits for the background to end: a call to a store that is down ends only when the store is closed. */
const BACKGROUND_GRACE_MS = 1_000;

/** @throws ListenError, or ConfigError for a file of keys or TLS that cannot be used. */
export async function startService(runtime: ServiceRuntime, options: ServiceOptions): Promise<RunningService> {
  const { clock, log } = runtime;
  const { name, background, loaded } = options;
  const stopping = new AbortController();
  let stopped: Promise<void> | undefined;
  const whyNotReady = () => (stopped === undefined ? undefined : `the ${name} is shutting down`);
  const { entries, server, port, opsPort, opened } = await open(runtime, options, whyNotReady);
  log.info({ port, opsPort }, `the ${name} listens`);
  const working = work();
  return { port, opsPort, ready: becomeReady(), stop };

  async function work(): Promise<void> {
    await background?.(stopping.signal);
  }

  async function becomeReady(): Promise<void> {
    await loaded?.(stopping.signal);
    if (stopped !== undefined) return;
    for (const entry of entries) server.health.set(serviceNameOf(entry), 'SERVING');
    log.info({ port }, `the ${name} serves`);
  }

  function stop(timeoutMs: number): Promise<void> {
    stopped ??= close(timeoutMs);
    return stopped;
  }

  async function close(timeoutMs: number): Promise<void> {
    await server.drain(timeoutMs);
    stopping.abort(new Error(`the ${name} is shutting down`));
    await atMost(BACKGROUND_GRACE_MS, working, clock).finally(() => opened.disposeAsync());
  }
}

interface Opened {
  readonly entries: readonly ServiceEntry[];
  readonly server: GrpcServer;
  readonly port: number;
  readonly opsPort: number | undefined;
  /** What has to be closed, newest first. */
  readonly opened: AsyncDisposableStack;
}

/** All of it, or nothing stays open. */
async function open(runtime: ServiceRuntime, options: ServiceOptions, whyNotReady: Check): Promise<Opened> {
  const { metrics, log } = runtime;
  const { settings, serverName, limits = {} } = options;
  await using opening = new AsyncDisposableStack();
  const credentials = await openCredentials(settings.tls, runtime, opening);
  const access = await createAccess(settings.trust, runtime);
  const { own = {}, stored = {}, forms = {}, ...served } = options.serve(access);
  const guards = createGuards({ ...access, serverName, own, stored, forms });
  const onCallEnd = both(createDenialAudit(runtime), served.onCallEnd);
  const server = createServer({ ...runtime, ...served, onCallEnd, guards, credentials, limits });
  const entries = served.services;
  opening.defer(() => server.close());
  for (const entry of entries) server.health.set(serviceNameOf(entry), 'NOT_SERVING');
  const port = await server.listen(settings.listen);
  const address = settings.opsListen === undefined ? undefined : parseHostPort(settings.opsListen);
  const readiness = { shutdown: whyNotReady, ...options.readiness };
  const ops = address === undefined ? undefined : await startOpsServer({ address, metrics, log, readiness });
  opening.defer(() => ops?.close());
  return { entries, server, port, opsPort: ops?.port, opened: opening.move() };
}

function both(first: (end: CallEnd) => void, second: ((end: CallEnd) => void) | undefined): (end: CallEnd) => void {
  if (second === undefined) return first;
  return (end) => {
    first(end);
    second(end);
  };
}

async function openCredentials(
  tls: ServerTlsFiles | undefined,
  options: TlsOptions,
  opening: AsyncDisposableStack,
): Promise<ServerCredentials> {
  if (tls === undefined) return plaintextServer();
  const files = await tlsServer(tls, options).catch((error: Error) => {
    const names = 'MCP2_TLS_CERT_FILE, MCP2_TLS_KEY_FILE or MCP2_TLS_CLIENT_CA_FILE';
    throw new ConfigError([`${names} cannot be used: ${error.message}`]);
  });
  opening.defer(() => files.close());
  return files.credentials;
}
