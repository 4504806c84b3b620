/** The start of `mcp2 up`: state folder, key, ports, services, and what is said about them. */
import type { Logger } from '#lib/logger.ts';
import type { ShutdownStep } from '#lib/service/shutdown.ts';
import { readDefinition } from '../definition.ts';
import { CommandFailed } from '../failure.ts';
import { removeConnection, writeConnection } from '../state/connection.ts';
import { locateState, type StateFolder } from '../state/folder.ts';
import { ensureSigningKey, readSigner } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { Announcer } from './announcer.ts';
import { locateFiles, shortenPath } from './paths.ts';
import { firstFreePort, isFree, requireFreePort } from './ports.ts';
import { type RunningServices, SAMPLE_SERVER_NAME, startServices } from './services.ts';
import { openStore } from './store.ts';

export interface UpOptions {
  /** The folder of YAML files. Default: examples/standalone of the package. */
  readonly files?: string;
  readonly state?: string;
  /** Of the registry. Default: the first free one from 50050 on. */
  readonly port?: number;
  readonly sample: boolean;
  /** Default 50061, where the example says that the sample server is. */
  readonly samplePort?: number;
  /** URLs of etcd, comma-separated; instead of the embedded store. */
  readonly etcd?: string;
  readonly verbose?: boolean;
}

export interface UpContext {
  readonly options: UpOptions;
  readonly terminal: Terminal;
  readonly state: StateFolder;
  readonly logOf: (service: string) => Logger;
  /** How to end what was started so far; run in this order. */
  readonly steps: ShutdownStep[];
  /** Aborts when the end begins. */
  readonly signal: AbortSignal;
}

const REGISTRY_PORT = 50_050;
const SAMPLE_PORT = 50_061;
/** How long the first table waits for servers to become ready. */
const SETTLE_MS = 5_000;
/** The store that was named does not answer: said after so long. */
const SLOW_STORE_MS = 3_000;

/** Resolves when the end began. @throws CommandFailed, ListenError or StoreFolderError */
export async function startUp(context: UpContext): Promise<void> {
  const { terminal, state, signal } = context;
  const files = locateFiles(context.options.files, terminal);
  const services = await startParts(files, context);
  const { operator, registry } = services;
  await storeAnswers(registry.ready, context);
  const address = `127.0.0.1:${registry.port}`;
  publishConnection(address, files, context);
  const shownFiles = shortenPath(files, terminal);
  const announcer = new Announcer({ terminal, state, files: shownFiles, problems: () => operator.problems() });
  showParts(services, shownFiles, context);
  await announcer.settled(SETTLE_MS, signal);
  if (signal.aborted) return;
  announcer.showServers();
  showWhatNext(announcer.exampleFilter(), context);
  await Promise.race([announcer.follow(signal), operator.lost.then(() => replaced(signal))]);
}

async function startParts(files: string, context: UpContext): Promise<RunningServices> {
  const { options, terminal, state, logOf, steps } = context;
  const { clock } = terminal;
  const random = Math.random;
  const begin = (step: ShutdownStep) => steps.splice(1, 0, step); // Newest first, after "Stopping".
  // First: a state folder that another "mcp2 up" uses explains every port that is taken.
  const opened = openStore(state, options.etcd, { clock, random });
  begin({ name: 'store', run: () => opened.close() });
  const registryPort = await chooseRegistryPort(options.port, terminal);
  const samplePort = options.sample ? await chooseSamplePort(options.samplePort, terminal) : undefined;
  removeConnection(state.connection); // A crash left it.
  if (await ensureSigningKey(state))
    terminal.note(`Made a development key: ${shortenPath(state.signingKey, terminal)}`);
  const services = startServices({
    state,
    store: opened.store,
    signer: await readSigner(state),
    files,
    definition: readDefinition(terminal),
    registryPort,
    samplePort,
    clock,
    random,
    logOf,
    onStarted: begin,
  });
  await storeAnswers(services, context);
  return services;
}

/** Waits, and says so when it takes long: only an etcd that is away does. */
async function storeAnswers(work: Promise<unknown>, { options, terminal, signal }: UpContext): Promise<void> {
  const done = new AbortController();
  const slow = terminal.clock.sleep(SLOW_STORE_MS, AbortSignal.any([signal, done.signal])).then(
    () => terminal.note(`Waiting for the store${options.etcd === undefined ? '' : ` at ${options.etcd}`} …`),
    () => undefined,
  );
  await work.finally(() => done.abort());
  await slow;
}

async function chooseRegistryPort(named: number | undefined, { note }: Terminal): Promise<number> {
  if (named !== undefined) return requireFreePort(named, '--port');
  const port = await firstFreePort(REGISTRY_PORT);
  if (port !== REGISTRY_PORT) note(`Port ${REGISTRY_PORT} is in use; the registry listens on ${port} instead.`);
  return port;
}

/** It cannot move: the files say where it is. @returns undefined when something else has its place. */
async function chooseSamplePort(named: number | undefined, { note }: Terminal): Promise<number | undefined> {
  if (named !== undefined) return requireFreePort(named, '--sample-port');
  if (await isFree(SAMPLE_PORT)) return SAMPLE_PORT;
  note(
    `Port ${SAMPLE_PORT} is in use, so the sample server is not started: ${SAMPLE_SERVER_NAME} becomes ready only if what listens there accepts this key. Stop that process and start again, or use --sample-port and your own files.`,
  );
  return undefined;
}

function publishConnection(registry: string, files: string, { terminal, state, steps }: UpContext): void {
  const startedAt = new Date(terminal.clock.nowMs()).toISOString();
  writeConnection(state.connection, { registry, files, pid: terminal.pid, startedAt });
  steps.splice(1, 0, { name: 'connection', run: () => removeConnection(state.connection) });
}

function showParts(
  { registry, sample }: RunningServices,
  files: string,
  { options, terminal, state }: UpContext,
): void {
  const { print, style } = terminal;
  const rows: [string, string][] = [
    ['registry', `127.0.0.1:${registry.port}`],
    ['sample', sample === undefined ? 'not started' : `${SAMPLE_SERVER_NAME} at 127.0.0.1:${sample.port}`],
    ['files', `${files} (watched)`],
    ['store', options.etcd ?? shortenPath(state.store, terminal)],
    ['log', shortenPath(state.log, terminal)],
  ];
  print(`${style('bold', 'mcp2')} ${terminal.version}`);
  for (const [name, value] of rows) print(`  ${style('dim', name.padEnd(8))}  ${value}`);
  print('');
}

function showWhatNext(filter: string | undefined, { options, terminal, state }: UpContext): void {
  const { print, style } = terminal;
  const isUsual = state.path === locateState(undefined, terminal).path;
  const where = isUsual ? '' : ` --state ${options.state ?? state.path}`;
  print('');
  print('Try in another terminal:');
  const command = filter === undefined ? 'get servers' : `lookup ${filter}`;
  print(`  ${style('bold', `npx mcp2 ${command}${where}`)}`);
  print('');
  print('Changed files take effect at once. Ctrl-C ends.');
}

function replaced(signal: AbortSignal): void {
  if (signal.aborted) return;
  throw new CommandFailed('another mcp2 took this store over, so this one has stopped; only one may write to it');
}
