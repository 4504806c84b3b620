/**
 * Resources from a folder of YAML files: the same reconcile core without a cluster.
 *
 * Change notices only hasten a look; the folder is looked at every two seconds anyway, and what counts is content, so
 * an editor's rename or a missed notice changes nothing. A broken file keeps its last good resources. A resource
 * whose file is gone is deleted: it stays, marked, until its registration is gone too.
 *
 * Files are read elsewhere (`FolderReader`), so a look takes time and others may be asked for meanwhile. What a look found
 * counts once it is saved: on a full disk the resources stay as they were, and every look tries again.
 */

import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { canonicalHash } from '#lib/canonical-json.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { formatKey, keyOf } from '#lib/kube/object.ts';
import type { Logger } from '#lib/logger.ts';
import { atMost } from '#lib/time-limit.ts';
import { MassDeleteGuard } from '../discovery/mass-delete-guard.ts';
import type { Mcp2Server, Mcp2ServerStatus } from '../server/resource.ts';
import { defineServers, type ReadFile } from './file-definitions.ts';
import { type FileSnapshot, forget, rebuild, remember } from './file-snapshot.ts';
import { type FileState, type RememberedServer, readFileState, writeFileState } from './file-state.ts';
import type { Known } from './reader/read-file.ts';
import type { FolderReader } from './reader/resource-reader.ts';
import { type FileProblem, formatProblem } from './resource-file.ts';
import { noRuntimeFiles, type RuntimeFiles, withServers } from './runtime-files.ts';
import { SavedState } from './saved-state.ts';
import type { ResourceEvent, ResourceSource, SourcedServer } from './source.ts';

export const POLL_MS = 2000;
/** From the first notice to the look: programs that replace a file by removing it first need a moment. */
const SETTLE_MS = 50;
/** For servers that files configure to start, which also wait for a database; a slower one is made known when it runs. */
const RUNTIMES_MS = 10_000;

export interface FileSourceOptions {
  readonly directory: string;
  /** Where status and uids are kept. */
  readonly statePath: string;
  /** Closed when the source stops. */
  readonly reader: FolderReader;
  /** Default: nobody runs servers that files configure. */
  readonly runtimeFiles?: RuntimeFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** A resource changed, came or went. Must not throw. */
  readonly onKey: (key: string) => void;
}

export class FileSource implements ResourceSource {
  readonly #options: FileSourceOptions;
  readonly #runtimeFiles: RuntimeFiles;
  readonly #guard = new MassDeleteGuard();
  readonly #saved: SavedState<FileSnapshot>;
  /** As they were read last, by name. */
  #read = new Map<string, ReadFile>();
  #problems: readonly FileProblem[] = [];
  #freshAtMs: number | undefined;
  #guardWaits = false;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isAskedAgain = false;
  #isStopped = false;
  #failure: string | undefined;

  /** @throws Error when the state file cannot be read. */
  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#runtimeFiles = options.runtimeFiles ?? noRuntimeFiles();
    this.#runtimeFiles.onChange(() => this.#lookSoon());
    const state = readFileState(options.statePath);
    this.#saved = new SavedState<FileSnapshot>({ files: new Map(), state, servers: new Map() }, (next) =>
      writeFileState(options.statePath, next.state),
    );
  }

  /** Reads the folder and goes on watching it. @throws Error that says what to do when the folder cannot be read. */
  async start(): Promise<void> {
    await this.#scan();
    if (this.#isStopped) return;
    try {
      this.#watcher = watch(this.#options.directory, () => this.#lookSoon());
      this.#watcher.on('error', () => undefined);
    } catch {
      // Polling alone does: not every file system sends notices.
    }
    this.#timer = setInterval(() => this.#lookSoon(), POLL_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watcher?.close();
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    await this.#options.reader.close();
  }

  /** What is wrong with the files now; their last good resources are in force. */
  problems(): readonly FileProblem[] {
    return this.#problems;
  }

  /** What is kept of each server, as it was saved last. */
  remembered(): FileState {
    return this.#saved.value.state;
  }

  get(key: string): SourcedServer | undefined {
    return this.#saved.value.servers.get(key);
  }

  all(): Iterable<SourcedServer> {
    return this.#saved.value.servers.values();
  }

  claimants(serverName: string): readonly SourcedServer[] {
    const folded = foldServerName(serverName);
    return [...this.all()].filter((server) => foldServerName(nameIn(server)) === folded);
  }

  hasSynced(): boolean {
    return this.#freshAtMs !== undefined;
  }

  freshAtMs(): number | undefined {
    return this.#freshAtMs;
  }

  covers(): boolean {
    return true;
  }

  async isGone({ namespace, name, uid }: { namespace: string; name: string; uid: string }): Promise<boolean> {
    return this.get(formatKey({ namespace, name }))?.metadata.uid !== uid;
  }

  async addFinalizer(server: SourcedServer): Promise<boolean> {
    await this.#remember(keyOf(server), { hasFinalizer: true });
    return true;
  }

  async removeFinalizer(server: SourcedServer): Promise<void> {
    const key = keyOf(server);
    await this.#rebuild((before) => forget(before, key));
  }

  statusOf(server: SourcedServer): Mcp2ServerStatus | undefined {
    return this.#saved.value.state[keyOf(server)]?.status;
  }

  async writeStatus(server: SourcedServer, status: Mcp2ServerStatus): Promise<void> {
    const key = keyOf(server);
    const known = this.#saved.value.state[key];
    if (!known || canonicalHash(known.status ?? {}) === canonicalHash(status)) return;
    await this.#remember(key, { status });
  }

  recordEvent(server: SourcedServer, { type, reason, message }: ResourceEvent): void {
    const level = type === 'Warning' ? 'warn' : 'info';
    this.#options.log[level]({ server: keyOf(server), reason }, message);
  }

  /** Looks at the folder now, after a look that is under way. What start() throws, a later look survives and logs. */
  async look(): Promise<void> {
    this.#isAskedAgain = true;
    this.#looking ??= this.#lookWhileAsked();
    await this.#looking;
  }

  /** Never rejects. */
  async #lookWhileAsked(): Promise<void> {
    while (this.#isAskedAgain && !this.#isStopped) {
      this.#isAskedAgain = false;
      try {
        await this.#scan();
        this.#failure = undefined;
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#looking = undefined;
  }

  /** Said once, not every two seconds. */
  #fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#isStopped || why === this.#failure) return;
    this.#failure = why;
    this.#options.log.error({ err: error }, 'cannot follow the folder of resources; keeping what is known');
  }

  /** One look for all the notices of one change. */
  #lookSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.look().catch(() => undefined);
    }, SETTLE_MS);
  }

  async #scan(): Promise<void> {
    const { directory, clock, reader } = this.#options;
    const startMs = clock.monotonicMs();
    const files = new Map<string, ReadFile>();
    for (const name of await reader.list(directory)) {
      const file = await this.#readOne(name);
      if (file !== undefined) files.set(name, file);
    }
    this.#read = files;
    await this.#followRuntimes(files);
    const wanted = withServers(files, this.#runtimeFiles, (name) => this.#rememberedIn(name));
    const { files: inForce } = this.#saved.value;
    const differs = [...wanted].some(([name, { digest }]) => inForce.get(name)?.digest !== digest);
    const changed = differs || wanted.size !== inForce.size;
    if (changed || this.#freshAtMs === undefined || this.#guardWaits) await this.#take(wanted);
    this.#freshAtMs = startMs;
  }

  /** The first look waits for their servers, so that a start does not take them for gone. */
  async #followRuntimes(files: ReadonlyMap<string, ReadFile>): Promise<void> {
    const names = [...files].filter(([, { isRuntime }]) => isRuntime === true).map(([name]) => name);
    this.#runtimeFiles.follow(names);
    if (this.#freshAtMs === undefined) await atMost(RUNTIMES_MS, this.#runtimeFiles.settled(), this.#options.clock);
  }

  /** What the look before read where the content is the same; a broken file's last good resources stay in force. */
  async #readOne(name: string): Promise<ReadFile | undefined> {
    const { directory, reader, clock, log } = this.#options;
    const known = this.#read.get(name);
    const path = join(directory, name);
    const nowMs = clock.nowMs();
    const answer = await reader.readFile({ path, name, known: known && knownOf(known), nowMs });
    if (answer === undefined) return undefined;
    const { signature, digest, read } = answer;
    if (read === undefined && known !== undefined) return { ...known, signature };
    // Many programs empty a file before they write it: its server must not end for that.
    if (read?.ok !== undefined && read.isBlank === true && known?.isRuntime === true) return { ...known, signature };
    const isJudgedElsewhere = known?.isRuntime === true;
    for (const one of isJudgedElsewhere ? [] : (read?.problems ?? [])) log.error({}, formatProblem(one));
    const resources = read?.ok ?? known?.resources ?? this.#rememberedIn(name);
    const isRuntime = read?.ok === undefined ? known?.isRuntime : read.isRuntime;
    return { signature, digest, isRuntime, resources, problems: read?.problems ?? [] };
  }

  /** What a file that was broken already when we started defined before. */
  #rememberedIn(file: string): readonly Mcp2Server[] {
    return Object.values(this.remembered()).flatMap((known) => (known.file === file ? (known.resource ?? []) : []));
  }

  /** Puts in force what was read. @throws what saving threw; then nothing changed. */
  async #take(files: ReadonlyMap<string, ReadFile>): Promise<void> {
    const { problems } = defineServers(files);
    try {
      await this.#rebuild((before) => ({ ...before, files }));
      this.#problems = problems;
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      const message = `is not in force yet: ${this.#options.statePath} cannot be written (${why}); it is tried again`;
      const inForce = this.#saved.value.files;
      const waiting = [...files].filter(([name, { digest }]) => inForce.get(name)?.digest !== digest);
      this.#problems = [...problems, ...waiting.map(([file]) => ({ file, line: 1, message }))];
      throw error;
    }
  }

  /** Brings the servers to what the files say, and tells every key that differs. */
  async #rebuild(prepare: (before: FileSnapshot) => FileSnapshot): Promise<void> {
    const { clock, log, onKey } = this.#options;
    let before = this.#saved.value.servers;
    const after = await this.#saved.change((current) => {
      before = current.servers;
      const { snapshot, heldBack } = rebuild(prepare(current), { clock, guard: this.#guard });
      this.#guardWaits = heldBack > 0;
      return snapshot;
    });
    if (this.#guardWaits) log.error({}, 'so many resources vanished at once that nothing is deleted for a minute');
    for (const [key, server] of after.servers)
      if (canonicalHash(server) !== canonicalHash(before.get(key) ?? {})) onKey(key);
    for (const [key, server] of before) if (!after.servers.has(key)) this.#tellGone(key, server);
  }

  /** A name became free: whoever waits for it may have it now. */
  #tellGone(key: string, server: SourcedServer): void {
    const { onKey } = this.#options;
    onKey(key);
    for (const claimant of this.claimants(nameIn(server))) onKey(keyOf(claimant));
  }

  async #remember(key: string, change: Partial<RememberedServer>): Promise<void> {
    await this.#saved.change((before) => remember(before, key, change));
  }
}

/** The resources stay here: they would be copied to the reading thread and back. */
function knownOf({ signature, digest }: ReadFile): Known {
  return { signature, digest };
}

function nameIn({ metadata, spec }: SourcedServer): string {
  const name = typeof spec === 'object' && spec !== null && 'serverName' in spec ? spec.serverName : undefined;
  return typeof name === 'string' ? name : metadata.name;
}
