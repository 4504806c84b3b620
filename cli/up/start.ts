/** The start of `mcp2 up`: state folder, key, ports, parts, and what is said about them. */
import type { StateFolder } from '#lib/config/state-folder.ts';
import type { Logger } from '#lib/logger.ts';
import type { ShutdownStep } from '#lib/service/shutdown.ts';
import { shellWord } from '#lib/shell-word.ts';
import { loadServices } from '#protos/load.ts';
import { readDefinition } from '../definition.ts';
import { CommandFailed } from '../failure.ts';
import { removeConnection, writeConnection } from '../state/connection.ts';
import { locateState } from '../state/folder.ts';
import { ensureSigningKey, readSigner } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { Announcer } from './announcer.ts';
import { linesToTry } from './lines-to-try.ts';
import type { UpOptions } from './options.ts';
import { addressesOf, planParts, type StartedPart, startParts } from './parts.ts';
import { exampleFiles, locateFiles, shortenPath } from './paths.ts';
import { tellIfSlow } from './slow-start.ts';
import { openStore } from './store.ts';

export interface UpContext {
  readonly options: UpOptions;
  readonly terminal: Terminal;
  readonly state: StateFolder;
  readonly logOf: (service: string) => Logger;
  /** Called once the state folder is ours alone: what was logged before is kept from another's file. */
  readonly openLog: () => void;
  /** How to end what was started so far; run in this order. */
  readonly steps: ShutdownStep[];
  /** Aborts when the end begins. */
  readonly signal: AbortSignal;
}

/** How long the first table waits for servers to become ready. */
const SETTLE_MS = 5_000;

/** Resolves when the end began. @throws CommandFailed, ListenError or StoreFolderError */
export async function startUp(context: UpContext): Promise<void> {
  const { terminal, signal } = context;
  const files = locateFiles(context.options.files, terminal);
  const shownFiles = shortenPath(files, terminal);
  const parts = await begin(files, shownFiles, context);
  const running = parts.map((part) => part.running);
  publishConnection(parts, files, context);
  const announcer = new Announcer({
    terminal,
    servers: () => running.flatMap((part) => part.servers?.() ?? []),
    starting: () => running.flatMap((part) => part.starting?.() ?? []),
    files: shownFiles,
    problems: () => running.flatMap((part) => part.problems?.() ?? []),
  });
  showParts(parts, context);
  await announcer.settled(SETTLE_MS, signal);
  if (signal.aborted) return;
  announcer.showServers();
  const servers = running.flatMap((part) => part.servers?.() ?? []);
  const areExamples = files === exampleFiles(terminal);
  showWhatNext(linesToTry({ servers, areExamples }), context);
  const replacements = running.flatMap(({ replaced }) => replaced?.then(() => giveUp(signal)) ?? []);
  await Promise.race([announcer.follow(signal), ...replacements]);
}

async function begin(files: string, shownFiles: string, context: UpContext): Promise<readonly StartedPart[]> {
  const { options, terminal, state, logOf, steps, signal } = context;
  const { clock } = terminal;
  const random = Math.random;
  const onStarted = (step: ShutdownStep) => {
    steps.splice(1, 0, step); // Newest first, after "Stopping".
  };
  // First: a state folder that another "mcp2 up" uses explains every port that is taken.
  const opened = await openStore(state, options.etcd, { clock, random });
  onStarted({ name: 'store', run: () => opened.close() });
  context.openLog();
  const planned = await planParts(options, terminal);
  removeConnection(state.connection); // A crash left it.
  if (await ensureSigningKey(state))
    terminal.note(`Made a development key: ${shortenPath(state.signingKey, terminal)}`);
  const starting = startParts(planned, {
    state,
    store: opened.store,
    signer: await readSigner(state),
    files,
    shownFiles,
    definition: readDefinition(terminal),
    env: terminal.env,
    protos: loadServices(),
    clock,
    random,
    logOf,
    onStarted,
  });
  const { store } = opened;
  return tellIfSlow(serving(starting), { store, etcd: options.etcd, files: shownFiles, terminal, signal });
}

async function serving(starting: Promise<readonly StartedPart[]>): Promise<readonly StartedPart[]> {
  const parts = await starting;
  await Promise.all(parts.map(({ running }) => running.ready));
  return parts;
}

/** For the other commands, which look there for the registry and the event bus. */
function publishConnection(parts: readonly StartedPart[], files: string, { terminal, state, steps }: UpContext): void {
  const startedAt = new Date(terminal.clock.nowMs()).toISOString();
  writeConnection(state.connection, { ...addressesOf(parts), files, pid: terminal.pid, startedAt });
  steps.splice(1, 0, { name: 'connection', run: () => removeConnection(state.connection) });
}

function showParts(parts: readonly StartedPart[], { options, terminal, state }: UpContext): void {
  const { print, style } = terminal;
  const rows: [string, string][] = [
    ...parts.map(({ part, running }): [string, string] => [part.title, running.shown]),
    ['store', options.etcd ?? shortenPath(state.store, terminal)],
    ['log', shortenPath(state.log, terminal)],
  ];
  print(`${style('bold', 'mcp2')} ${terminal.version}`);
  const shown = rows.filter(([, value]) => value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown) print(`  ${style('dim', name.padEnd(width))}  ${value}`);
  print('');
}

function showWhatNext(lines: readonly string[], { options, terminal, state }: UpContext): void {
  const { print, style } = terminal;
  const isUsual = state.path === locateState(undefined, terminal).path;
  const where = isUsual ? '' : ` --state ${shellWord(options.state ?? state.path)}`;
  print('');
  print('Try in another terminal:');
  for (const line of lines) print(`  ${style('bold', `npx mcp2 ${line}${where}`)}`);
  print('');
  print('Changed files take effect at once. Ctrl-C ends.');
}

function giveUp(signal: AbortSignal): void {
  if (signal.aborted) return;
  throw new CommandFailed('another mcp2 took this store over, so this one has stopped; only one may write to it');
}
