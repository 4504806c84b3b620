/**
 * A server of contexts and tools in a few lines: `createServer()`, declarations, `listen()`.
 *
 * It takes no signals and ends no process: whoever made it closes it. A process that listens stays alive; after `close()`
 * nothing of it keeps the process alive.
 */
import { randomBytes } from 'node:crypto';
import type { ServerMiddleware } from '#lib/grpc/method.ts';
import type { Logger } from '#lib/logger.ts';
import { formatHostPort, parseHostPort } from '#lib/net/listen-address.ts';
import { isLoopback } from '#lib/net/loopback.ts';
import { createLogger, LOG_LEVELS } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { type RunningService, startService } from '#lib/service/start-service.ts';
import { UserError } from '#lib/user-error.ts';
import { loadServices, type Services } from '#protos/load.ts';
import { type Ambient, ambientOf } from '../client/ambient.ts';
import type { EventPublisher } from '../client/event-publisher.ts';
import type { EventPayload, Published, PublishOptions } from '../client/event-request.ts';
import { NotConfigured } from '../client/settings.ts';
import type { Publisher, PublisherOptions } from '../client/stream-publisher.ts';
import { type ContextHandler, type ContextOptions, defineContext } from './context-definition.ts';
import { createContextToolService } from './context-tool-service.ts';
import type { ContextDeclaration, JsonSchema, ToolDeclaration } from './declaration.ts';
import { findTrust, type TrustOptions } from './find-trust.ts';
import type { Middleware } from './middleware.ts';
import { createOffer, type Offer, type OfferProblem } from './offer.ts';
import { createServerPublisher, type ServerPublisherOptions } from './publishing.ts';
import { Registration } from './registration.ts';
import { openRegistry, type RegistryConnection, type RegistryConnectionOptions } from './registry-connection.ts';
import type { NoParameters, Schema } from './schema-inference.ts';
import { defineTool, type ToolHandler, type ToolOptions } from './tool-definition.ts';

export interface CreateServerOptions extends ServerPublisherOptions {
  /** Whom tokens must be meant for: a letter, then up to 62 of A-Z a-z 0-9 _ . - */
  readonly name: string;
  /** Of what it offers, SemVer. */
  readonly version: string;
  /** Whose tokens are accepted. Default: MCP2_ISSUER with MCP2_JWKS_FILE or _URL, a pod's trust ConfigMap, or `mcp2 up`. */
  readonly trust?: TrustOptions;
  /** Patterns of the topics that it publishes to, for its card: "inventory:*:low_stock". The right is the token's. */
  readonly publishes?: readonly string[];
  /** Default: JSON lines to stderr, from MCP2_LOG_LEVEL on (default "info"). */
  readonly log?: Logger;
  /** Of `loadServices()`, for programs that have them already: loading takes some 30 ms. */
  readonly services?: Services;
  /** For tests and programs that have an environment of their own. Default: those of the process. */
  readonly ambient?: Partial<Ambient>;
}

export interface ListenOptions {
  /** PEM files, watched. Default: plaintext, for this machine alone or behind a mesh. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string };
  /** host:port of /livez, /readyz and /metrics. Default: none. */
  readonly ops?: string;
}

export interface ListeningPorts {
  readonly port: number;
  readonly opsPort: number | undefined;
}

export interface RegisterOptions extends RegistryConnectionOptions {
  /** Where callers reach it: host, or host:port. Default: POD_IP; 127.0.0.1 when the registry is on this machine. */
  readonly advertise?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Declarations that cannot be served; the message names every mistake, one a line. */
export class DeclarationError extends UserError {
  readonly problems: readonly OfferProblem[];

  constructor(problems: readonly OfferProblem[], describe: (problem: OfferProblem) => string) {
    super(`the server cannot be served:\n${problems.map((problem) => `  - ${describe(problem)}`).join('\n')}`);
    this.name = 'DeclarationError';
    this.problems = problems;
  }
}

const CLOSE_MS = 10_000;
/** Register takes no more; a card holds up to 256. */
const MAX_REGISTERED_CAPABILITIES = 64;

export function createServer(options: CreateServerOptions): Mcp2Server {
  return new Mcp2Server(options);
}

export class Mcp2Server implements AsyncDisposable {
  readonly #options: CreateServerOptions;
  readonly #ambient: Ambient;
  readonly #contexts: ContextDeclaration[] = [];
  readonly #tools: ToolDeclaration[] = [];
  readonly #middleware: ServerMiddleware[] = [];
  /** Made when it is first used. */
  #events: EventPublisher | undefined;
  #log: Logger | undefined;
  #protos: Services | undefined;
  #starting: Promise<Started> | undefined;
  #closed: Promise<void> | undefined;
  #registered: { readonly registration: Registration; readonly registry: RegistryConnection } | undefined;

  constructor(options: CreateServerOptions) {
    this.#options = options;
    this.#ambient = ambientOf(options.ambient);
  }

  /** A tool; calls need `tool:<name>`. @throws TypeError for a schema that has no form as JSON Schema */
  tool<const Input extends Schema = JsonSchema, const Output extends Schema = JsonSchema>(
    name: string,
    options: ToolOptions<Input, Output>,
    handler: ToolHandler<Input, Output>,
  ): this {
    this.#requireUnstarted();
    this.#tools.push(defineTool(name, options, handler as Parameters<typeof defineTool>[2]));
    return this;
  }

  /**
   * A context under a key such as "pets:{id}:weight"; calls need `db:<first segment>:read` or `context:read:<key>`.
   *
   * @throws TypeError for a schema that has no form as JSON Schema
   */
  context<const Key extends string, const Parameters extends Schema = NoParameters>(
    key: Key,
    options: ContextOptions<Parameters>,
    handler: ContextHandler<Key, Parameters>,
  ): this {
    this.#requireUnstarted();
    this.#contexts.push(defineContext(key, options, handler));
    return this;
  }

  /** A layer round every call that was allowed; the first one is the outermost. */
  use(middleware: Middleware): this {
    this.#requireUnstarted();
    // What it is shown of a call is a part of what there is.
    this.#middleware.push(middleware as unknown as ServerMiddleware);
    return this;
  }

  /**
   * Publishes an event with the server's own token, and resolves when the bus holds it: see `publish` of mcp2/client. Needs no
   * `listen()`.
   *
   * @throws CallError; NotConfigured when no event bus or token is known; TypeError for what cannot be sent
   */
  async publish(topic: string, payload: EventPayload, options?: PublishOptions): Promise<Published> {
    return this.#eventPublisher().publish(topic, payload, options);
  }

  /** Many events over one stream, in order within each topic: see `publisher` of mcp2/client. */
  publisher(options?: PublisherOptions): Publisher {
    return this.#eventPublisher().publisher(options);
  }

  /**
   * Opens host:port (0: a free one) and serves from then on.
   *
   * @throws DeclarationError, NotConfigured, ListenError, or ConfigError for files that cannot be used
   */
  async listen(address: string, options: ListenOptions = {}): Promise<ListeningPorts> {
    this.#requireUnstarted();
    this.#starting = this.#start(address, options);
    // A port that is taken is no reason to declare everything anew.
    this.#starting.catch(() => {
      this.#starting = undefined;
    });
    const { running } = await this.#starting;
    return { port: running.port, opsPort: running.opsPort };
  }

  /**
   * Makes the server known in Discovery and keeps it so, for a server that no resource names. Resolves when it is known;
   * waits for a registry that is away.
   *
   * @throws CallError for a refusal, such as NAME_TAKEN; NotConfigured when no registry, token or address is known
   */
  async register(options: RegisterOptions = {}): Promise<void> {
    if (this.#starting === undefined) throw new Error('listen() comes first: it says where the server can be reached');
    if (this.#registered !== undefined) throw new Error('the server registers already');
    const { running, offer } = await this.#starting;
    const { clock, random } = this.#ambient;
    const parts = { ambient: this.#ambient, protos: this.#services(), log: this.#logger() };
    const registry = await openRegistry(options, parts);
    try {
      const url = advertisedUrl(options.advertise, running.port, registry.address, this.#ambient);
      const request = {
        server_name: offer.name,
        version: offer.version,
        capabilities: registeredCapabilities(offer),
        grpc_url: url,
        tags: { ...options.tags },
      };
      const registration = new Registration({ registry, clock, random, log: this.#logger(), request });
      this.#registered = { registration, registry };
      await registration.begin();
    } catch (error) {
      this.#registered = undefined;
      registry.close();
      throw error;
    }
  }

  /**
   * Takes the server out of Discovery, lets running calls finish for at most `timeoutMs` (default 10,000), and cuts what is
   * left. A second call waits for the first.
   */
  close(timeoutMs = CLOSE_MS): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    const started = await this.#starting?.catch(() => undefined);
    const { registration, registry } = this.#registered ?? {};
    await registration?.stop();
    registry?.close();
    await started?.running.stop(timeoutMs);
    // Calls that ran until now may have published.
    this.#events?.close();
  }

  #eventPublisher(): EventPublisher {
    if (this.#events === undefined && this.#closed !== undefined) throw new Error('the server is closed');
    this.#events ??= createServerPublisher(this.#options, {
      ambient: this.#ambient,
      protos: () => this.#services(),
      log: () => this.#logger(),
    });
    return this.#events;
  }

  async #start(address: string, { tls, ops }: ListenOptions): Promise<Started> {
    const { name, version, trust, publishes = [] } = this.#options;
    const declared = { name, version, contexts: this.#contexts, tools: this.#tools, publishes };
    const result = createOffer(declared);
    if (!result.ok) throw new DeclarationError(result.problems, (problem) => this.#describe(problem));
    const { offer } = result;
    const { clock } = this.#ambient;
    const metrics = createMetrics({ service: name, process: ops !== undefined });
    const runtime = { clock, log: this.#logger(), metrics };
    const service = createContextToolService(offer, { protos: this.#services(), clock, metrics, randomBytes });
    const running = await startService(runtime, {
      name: 'server',
      serverName: name,
      settings: {
        listen: address,
        opsListen: ops,
        trust: findTrust(trust, this.#ambient),
        tls: tls && { certificateFile: tls.certFile, keyFile: tls.keyFile, clientCaFile: tls.clientCaFile },
      },
      serve: (access) => service.serve(access, this.#middleware),
    });
    await running.ready;
    return { running, offer };
  }

  /** By the names that were given instead of numbers: nobody counts their tools. */
  #describe({ path, message }: OfferProblem): string {
    const [list, i, ...inside] = path;
    const key = list === 'contexts' ? this.#contexts[Number(i)]?.key : this.#tools[Number(i)]?.name;
    if (list !== 'contexts' && list !== 'tools')
      return [path.join('.'), message].filter((text) => text !== '').join(': ');
    return `${list === 'contexts' ? 'context' : 'tool'} ${key}: ${inside.join('.')}: ${message}`;
  }

  #requireUnstarted(): void {
    if (this.#closed !== undefined) throw new Error('the server is closed');
    if (this.#starting !== undefined) throw new Error('the server listens already: declare everything before listen()');
  }

  #logger(): Logger {
    const { log, name } = this.#options;
    const level = LOG_LEVELS.find((known) => known === this.#ambient.env.MCP2_LOG_LEVEL) ?? 'info';
    this.#log ??= log ?? createLogger({ service: name, level });
    return this.#log;
  }

  #services(): Services {
    this.#protos ??= this.#options.services ?? loadServices();
    return this.#protos;
  }
}

interface Started {
  readonly running: RunningService;
  readonly offer: Offer;
}

/** @throws NotConfigured */
function advertisedUrl(given: string | undefined, port: number, registry: string, { env }: Ambient): string {
  if (given !== undefined && parseHostPort(given) !== undefined) return given;
  const host = given ?? (env.POD_IP?.trim() || (isLoopback(registry) ? '127.0.0.1' : undefined));
  const url = host === undefined ? undefined : formatHostPort({ host, port });
  if (url !== undefined && parseHostPort(url) !== undefined) return url;
  if (given !== undefined) throw new NotConfigured(`advertise "${given}" is no host, and no host:port`);
  throw new NotConfigured('nobody knows where callers reach this server: set the option advertise, or POD_IP');
}

/** What callers may ask it for. Those by key are left out where there are too many: the right to read the area finds the server as well. */
function registeredCapabilities({ card: { capabilities } }: Offer): string[] {
  const offered = capabilities.filter((capability) => !capability.startsWith('event:publish:'));
  if (offered.length <= MAX_REGISTERED_CAPABILITIES) return offered;
  return offered.filter((capability) => !capability.startsWith('context:read:'));
}
