/**
 * What a command knows of the process it runs in. `main.ts` makes the real one; nothing else in cli touches `process`.
 */
import type { Clock } from '#lib/clock.ts';
import type { Environment } from '#lib/config/env-reader.ts';
import type { ProcessEvents } from '#lib/service/shutdown.ts';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

export interface Terminal {
  readonly env: Environment;
  readonly homeFolder: string;
  readonly workingFolder: string;
  /** Version of the package. */
  readonly version: string;
  /** Where crds/ and examples/ lie. */
  readonly packageFolder: string;
  /** A line of the answer: stdout. */
  readonly print: (line: string) => void;
  /** Bytes of the answer, as they are: stdout. */
  readonly write: (bytes: Uint8Array) => void;
  /** A person looks at stdout, and not a program or a file. */
  readonly isTerminal: boolean;
  /** A line about the answer (hints, progress): stderr, so that the answer can be piped. */
  readonly note: (line: string) => void;
  /** Plain where stdout is no terminal or NO_COLOR is set. */
  readonly style: (style: Style, text: string) => string;
  /** All of stdin; undefined when a person sits at it and nothing was piped. */
  readonly readInput: () => Promise<string | undefined>;
  /** stdin as it comes; undefined when a person sits at it and nothing was piped. */
  readonly input: () => AsyncIterable<Uint8Array> | undefined;
  /** A line that the person at stdin types; undefined when nobody sits there. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Resolves when whoever reads stdout takes more: what is printed without waiting for that is kept in memory. */
  readonly drained: () => Promise<void>;
  readonly clock: Clock;
  /** Signals. */
  readonly events: ProcessEvents;
  readonly pid: number;
  /** Of the person; undefined where the system has no such thing. */
  readonly uid: number | undefined;
  /** Whether a process with this id runs on this machine. */
  readonly isAlive: (pid: number) => boolean;
}
