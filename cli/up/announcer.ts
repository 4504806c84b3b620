/**
 * What `mcp2 up` tells the person in front of it: what runs, which servers are ready, and every change after that. The
 * rest goes to the log file.
 */
import { type FileProblem, formatProblem } from '../../operator/source/resource-file.ts';
import { formatServers, type ListedServer, remarkOf } from '../servers.ts';
import type { Terminal } from '../terminal.ts';

export interface AnnouncerOptions {
  readonly terminal: Terminal;
  /** As they are known now; in memory, since this is asked four times a second. */
  readonly servers: () => readonly ListedServer[];
  /** The files whose servers have not been tried yet. */
  readonly starting: () => readonly string[];
  /** What is wrong with the files now. */
  readonly problems: () => readonly FileProblem[];
  /** The folder of files, as people see it. */
  readonly files: string;
}

const LOOK_MS = 250;
/** Between two verdicts there is nothing to tell: the next one follows within a second or so. */
const UNDECIDED = '';
/** A verdict of the run before may stand until the first look; after so long "not ready" is believed. */
const BELIEVED_AFTER_MS = 1_500;

export class Announcer {
  readonly #options: AnnouncerOptions;
  #problems: ReadonlySet<string> = new Set();
  #verdicts: ReadonlyMap<string, string> = new Map();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Resolves when every server is ready, or known not to be, or after `timeoutMs`, or when the signal aborts. */
  async settled(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.terminal;
    const startMs = clock.monotonicMs();
    for (;;) {
      const passedMs = clock.monotonicMs() - startMs;
      const starting = this.#options.starting().map(() => 'Unknown');
      const verdicts = [...this.#servers().map(({ ready }) => ready?.status ?? 'Unknown'), ...starting];
      if (signal.aborted || passedMs >= timeoutMs || verdicts.every((status) => status === 'True')) return;
      if (passedMs >= BELIEVED_AFTER_MS && !verdicts.includes('Unknown')) return;
      await clock.sleep(50, signal).catch(() => undefined);
    }
  }

  /** The table of servers, why those that are not ready are not, and what is wrong with the files. */
  showServers(): void {
    const { terminal, files } = this.#options;
    const servers = this.#servers();
    const starting = this.#options.starting();
    this.#verdicts = verdictsOf(servers);
    const nowMs = terminal.clock.nowMs();
    if (starting.length > 0) terminal.note(`Still starting: ${starting.join(', ')} in ${files}.`);
    else if (servers.length === 0) terminal.print(`No servers are defined in ${files} yet: put a YAML file there.`);
    if (servers.length > 0) for (const line of formatServers(servers, { wide: false, nowMs })) terminal.print(line);
    for (const server of servers) {
      const remark = remarkOf(server);
      if (remark !== undefined) terminal.note(`${server.name}: ${remark}`);
    }
    this.#showProblems();
  }

  /** Prints each change until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.terminal;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#showProblems();
      this.#showChanges();
    }
  }

  #showProblems(): void {
    const { terminal, problems, files } = this.#options;
    const now = new Set(problems().map((one) => formatProblem({ ...one, file: `${files}/${one.file}` })));
    for (const problem of now) if (!this.#problems.has(problem)) terminal.note(terminal.style('red', problem));
    const isNew = [...now].some((problem) => !this.#problems.has(problem));
    if (isNew) terminal.note('What these files said before stays in force until they are put right.');
    if (now.size === 0 && this.#problems.size > 0) terminal.note(`All files in ${files} are fine again.`);
    this.#problems = now;
  }

  #showChanges(): void {
    const { terminal } = this.#options;
    const servers = this.#servers();
    const now = verdictsOf(servers);
    const say = (text: string) =>
      terminal.print(`${terminal.style('dim', timeOfDay(terminal.clock.nowMs()))}  ${text}`);
    for (const server of servers) {
      const verdict = now.get(server.name);
      if (verdict !== UNDECIDED && verdict !== this.#verdicts.get(server.name)) say(describe(server));
    }
    for (const name of this.#verdicts.keys()) if (!now.has(name)) say(`${name} is gone`);
    this.#verdicts = now;
  }

  #servers(): readonly ListedServer[] {
    return this.#options.servers();
  }
}

/** Only what is worth a line when it changes: not the number of a probe, not the age. */
function verdictsOf(servers: readonly ListedServer[]): ReadonlyMap<string, string> {
  return new Map(
    servers.map((server) => {
      const { name, ready, status } = server;
      if (ready === undefined || ready.reason === 'Pending') return [name, UNDECIDED];
      const remark = ready.status === 'True' ? remarkOf(server) : '';
      return [name, `${ready.status} ${ready.reason} ${status?.endpoints?.summary} ${status?.serverName} ${remark}`];
    }),
  );
}

function describe(server: ListedServer): string {
  const { name, serverName, ready, status } = server;
  const remark = remarkOf(server);
  if (ready?.status !== 'True') return `${name} is not ready (${ready?.reason}): ${remark}`;
  const endpoints = status?.endpoints?.summary ?? '0/0';
  return `${name} is ready: ${serverName}, ${endpoints} endpoints${remark === undefined ? '' : `. But: ${remark}`}`;
}

function timeOfDay(nowMs: number): string {
  return new Date(nowMs).toTimeString().slice(0, 8);
}
