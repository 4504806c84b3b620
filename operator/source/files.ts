/**
 * Resources from a folder of YAML files: the same reconcile core without a cluster.
 *
 * Change notices only hasten a look; the folder is looked at every two seconds anyway, and what counts is content, so
 * an editor's rename or a missed notice changes nothing. A broken file keeps its last good resources. A resource
 * whose file is gone is deleted: it stays, marked, until its registration is gone too.
 */

import { createHash } from 'node:crypto';
import { type FSWatcher, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { canonicalHash } from '#lib/canonical-json.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { formatTime } from '#lib/kube/micro-time.ts';
import { formatKey, keyOf } from '#lib/kube/object.ts';
import type { Logger } from '#lib/logger.ts';
import { MassDeleteGuard } from '../discovery/mass-delete-guard.ts';
import {
  FINALIZER,
  type Mcp2Server,
  type Mcp2ServerStatus,
  type ParseMcp2Server,
  serverNameOf,
} from '../server/resource.ts';
import { type FileState, type RememberedServer, readFileState, writeFileState } from './file-state.ts';
import { type FileProblem, formatProblem, readResources } from './resource-file.ts';
import type { ResourceEvent, ResourceSource, SourcedServer } from './source.ts';

export const POLL_MS = 2000;
/** From the first notice to the look: programs that replace a file by removing it first need a moment. */
const SETTLE_MS = 50;
const MAX_FILES = 1000;
const MAX_FILE_BYTES = 1024 * 1024;

export interface FileSourceOptions {
  readonly directory: string;
  /** Where status and uids are kept. */
  readonly statePath: string;
  readonly parse: ParseMcp2Server;
  readonly clock: Clock;
  readonly log: Logger;
  /** A resource changed, came or went. Must not throw. */
  readonly onKey: (key: string) => void;
}

interface ReadFile {
  readonly digest: string;
  readonly resources: readonly Mcp2Server[];
  readonly problems: readonly FileProblem[];
}

interface Content {
  /** Of the text; of a file that cannot be read, the problem. */
  readonly digest: string;
  readonly text: string;
  readonly problem?: string;
}

export class FileSource implements ResourceSource {
  readonly #options: FileSourceOptions;
  readonly #guard = new MassDeleteGuard();
  #files = new Map<string, ReadFile>();
  #servers = new Map<string, SourcedServer>();
  #state: Record<string, RememberedServer>;
  #problems: readonly FileProblem[] = [];
  #freshAtMs: number | undefined;
  #guardWaits = false;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  /** @throws Error when the state file cannot be read. */
  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#state = { ...readFileState(options.statePath) };
  }

  /** Reads the folder and goes on watching it. @throws Error that says what to do when the folder cannot be read. */
  start(): void {
    this.#scan();
    try {
      this.#watcher = watch(this.#options.directory, () => this.#lookSoon());
      this.#watcher.on('error', () => undefined);
    } catch {
      // Polling alone does: not every file system sends notices.
    }
    this.#timer = setInterval(() => this.look(), POLL_MS);
  }

  stop(): void {
    this.#watcher?.close();
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
  }

  /** What is wrong with the files now; their last good resources are in force. */
  problems(): readonly FileProblem[] {
    return this.#problems;
  }

  get(key: string): SourcedServer | undefined {
    return this.#servers.get(key);
  }

  all(): Iterable<SourcedServer> {
    return this.#servers.values();
  }

  claimants(serverName: string): readonly SourcedServer[] {
    const folded = foldServerName(serverName);
    return [...this.#servers.values()].filter((server) => foldServerName(nameIn(server)) === folded);
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
    return this.#servers.get(formatKey({ namespace, name }))?.metadata.uid !== uid;
  }

  async addFinalizer(server: SourcedServer): Promise<boolean> {
    this.#remember(keyOf(server), { hasFinalizer: true });
    return true;
  }

  async removeFinalizer(server: SourcedServer): Promise<void> {
    const key = keyOf(server);
    delete this.#state[key];
    this.#servers.delete(key);
    this.#save();
    this.#rebuild();
  }

  statusOf(server: SourcedServer): Mcp2ServerStatus | undefined {
    return this.#state[keyOf(server)]?.status;
  }

  async writeStatus(server: SourcedServer, status: Mcp2ServerStatus): Promise<void> {
    const key = keyOf(server);
    const known = this.#state[key];
    if (!known || canonicalHash(known.status ?? {}) === canonicalHash(status)) return;
    this.#remember(key, { status });
  }

  recordEvent(server: SourcedServer, { type, reason, message }: ResourceEvent): void {
    const level = type === 'Warning' ? 'warn' : 'info';
    this.#options.log[level]({ server: keyOf(server), reason }, message);
  }

  /** Looks at the folder now. What start() reports, a later look survives and logs. */
  look(): void {
    try {
      this.#scan();
    } catch (error) {
      this.#options.log.error({ err: error }, 'cannot read the folder of resources; keeping what is known');
    }
  }

  /** One look for all the notices of one change. */
  #lookSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.look();
    }, SETTLE_MS);
  }

  #scan(): void {
    const { directory, clock } = this.#options;
    const files = new Map<string, ReadFile>();
    for (const name of listFiles(directory)) {
      const content = readContent(join(directory, name));
      if (content !== undefined) files.set(name, this.#read(name, content));
    }
    const changed =
      files.size !== this.#files.size || [...files].some(([name, file]) => this.#files.get(name) !== file);
    this.#files = files;
    const first = this.#freshAtMs === undefined;
    this.#freshAtMs = clock.monotonicMs();
    if (changed || first || this.#guardWaits) this.#rebuild();
  }

  /** The very object of the look before when nothing changed. */
  #read(name: string, { digest, text, problem }: Content): ReadFile {
    const known = this.#files.get(name);
    if (known?.digest === digest) return known;
    const read =
      problem === undefined
        ? readResources(name, text, this.#options.parse)
        : { problems: [{ file: name, line: 1, message: problem }] };
    for (const one of read.problems ?? []) this.#options.log.error({}, formatProblem(one));
    const resources = read.ok ?? known?.resources ?? this.#rememberedIn(name);
    return { digest, resources, problems: read.problems ?? [] };
  }

  /** What a file that was broken already when we started defined before. */
  #rememberedIn(file: string): readonly Mcp2Server[] {
    return Object.values(this.#state).flatMap((known) => (known.file === file ? (known.resource ?? []) : []));
  }

  /** Brings the servers to what the files say, and tells every key that differs. */
  #rebuild(): void {
    const { clock, log, onKey } = this.#options;
    const wanted = this.#wanted();
    const gone = Object.keys(this.#state).filter((key) => !wanted.has(key) && !this.#isDeleting(key));
    this.#guardWaits = !this.#guard.allows(gone, Object.keys(this.#state).length, clock.monotonicMs());
    if (this.#guardWaits)
      log.error({ files: gone.length }, 'so many resources vanished at once that nothing is deleted for a minute');
    const before = this.#servers;
    const servers = new Map<string, SourcedServer>();
    for (const [key, { resource, file }] of wanted) servers.set(key, this.#present(key, resource, file));
    for (const key of Object.keys(this.#state)) {
      if (wanted.has(key)) continue;
      const known = before.get(key);
      servers.set(key, this.#guardWaits && known ? known : this.#deleting(key, known));
    }
    this.#servers = servers;
    this.#save();
    for (const [key, server] of servers) if (canonicalHash(server) !== canonicalHash(before.get(key) ?? {})) onKey(key);
    for (const key of before.keys()) if (!servers.has(key)) onKey(key);
  }

  /** What the files define; of two definitions of one name the first file's counts. */
  #wanted(): Map<string, { resource: Mcp2Server; file: string }> {
    const wanted = new Map<string, { resource: Mcp2Server; file: string }>();
    const problems: FileProblem[] = [];
    for (const [file, read] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      problems.push(...read.problems);
      for (const resource of read.resources) {
        const key = keyOf(resource);
        const other = wanted.get(key);
        if (other)
          problems.push({ file, line: 1, message: `${key} is already defined in ${other.file}; rename one of them` });
        else wanted.set(key, { resource, file });
      }
    }
    this.#problems = problems;
    return wanted;
  }

  #present(key: string, resource: Mcp2Server, file: string): SourcedServer {
    const known = this.#state[key];
    const specHash = canonicalHash(resource.spec);
    const serverName = serverNameOf(resource);
    const remembered: RememberedServer = {
      uid: uidOf(key, serverName),
      serverName,
      specHash,
      generation: known?.specHash === specHash ? known.generation : (known?.generation ?? 0) + 1,
      creationTimestamp: known?.creationTimestamp ?? formatTime(this.#options.clock.nowMs()),
      file,
      hasFinalizer: known?.hasFinalizer ?? false,
      resource,
      ...(known?.status ? { status: known.status } : {}),
    };
    this.#state[key] = remembered;
    return toServer(resource, remembered);
  }

  #isDeleting(key: string): boolean {
    return this.#servers.get(key)?.metadata.deletionTimestamp !== undefined;
  }

  #deleting(key: string, known: SourcedServer | undefined): SourcedServer {
    if (known?.metadata.deletionTimestamp) return known;
    const remembered = this.#state[key];
    if (remembered) this.#state[key] = withoutResource(remembered);
    const [namespace = '', name = ''] = key.split('/');
    const base = known ?? { metadata: { namespace, name }, spec: { serverName: remembered?.serverName } };
    const deletionTimestamp = formatTime(this.#options.clock.nowMs());
    const uid = remembered?.uid ?? '';
    return { ...base, metadata: { ...base.metadata, uid, finalizers: [FINALIZER], deletionTimestamp } };
  }

  #remember(key: string, change: Partial<RememberedServer>): void {
    const known = this.#state[key];
    const server = this.#servers.get(key);
    if (!known || !server) return;
    const remembered = { ...known, ...change };
    this.#state[key] = remembered;
    const finalizers = remembered.hasFinalizer ? [FINALIZER] : [];
    const status = remembered.status === undefined ? {} : { status: remembered.status };
    this.#servers.set(key, { ...server, ...status, metadata: { ...server.metadata, finalizers } });
    this.#save();
  }

  #save(): void {
    writeFileState(this.#options.statePath, this.#state as FileState);
  }
}

function toServer(resource: Mcp2Server, remembered: RememberedServer): SourcedServer {
  const { uid, generation, creationTimestamp, hasFinalizer, status } = remembered;
  const finalizers = hasFinalizer ? [FINALIZER] : [];
  const metadata = { ...resource.metadata, uid, generation, creationTimestamp, finalizers };
  return { ...resource, metadata, ...(status ? { status } : {}) };
}

/** Deleted for good: a file that is broken at the next start must not bring it back. */
function withoutResource({ resource: _, ...remembered }: RememberedServer): RememberedServer {
  return remembered;
}

/** A renamed server is another server: its old registration must go, not be renamed under its clients. */
function uidOf(key: string, serverName: string): string {
  return createHash('sha256')
    .update(`${key}/${foldServerName(serverName)}`)
    .digest('hex')
    .slice(0, 32);
}

function nameIn({ metadata, spec }: SourcedServer): string {
  const name = typeof spec === 'object' && spec !== null && 'serverName' in spec ? spec.serverName : undefined;
  return typeof name === 'string' ? name : metadata.name;
}

function listFiles(directory: string): readonly string[] {
  const names = readFolder(directory).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'));
  if (names.length > MAX_FILES) throw new Error(`${directory} holds more than ${MAX_FILES} YAML files; split it`);
  return names.sort();
}

/** One file that cannot be read must not keep the others from being followed. @returns undefined when it is gone. */
function readContent(path: string): Content | undefined {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) return unreadable('is larger than 1 MiB; split it');
    const text = readFileSync(path, 'utf8');
    return { digest: createHash('sha256').update(text).digest('hex'), text };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    return unreadable(`cannot be read (${code}); make it a file that this user may read, or remove it`);
  }
}

function unreadable(problem: string): Content {
  return { digest: problem, text: '', problem };
}

function readFolder(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new Error(`the folder of resources ${directory} ${why}; create it, or name another one`, { cause: error });
  }
}
