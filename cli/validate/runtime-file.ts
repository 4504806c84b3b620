/** `mcp2 validate` for the configuration of a runtime server: everything that needs no database and runs no module. */
import { resolve } from 'node:path';
import type { FileProblem } from '../../operator/source/resource-file.ts';
import { sentenceOf } from '../../services/context-tool/config/problem.ts';
import type { ConfigReader } from '../../services/context-tool/config/read-config.ts';
import type { Problem, RuntimeConfig } from '../../services/context-tool/config/runtime-config.ts';
import type { Terminal } from '../terminal.ts';

export interface RuntimeFile {
  /** As it is shown. */
  readonly file: string;
  readonly text: string;
}

export interface CheckedRuntime {
  /** Undefined where there are problems. */
  readonly config: RuntimeConfig | undefined;
  readonly problems: readonly FileProblem[];
}

export interface RuntimeCheckOptions {
  readonly read: ConfigReader;
  readonly terminal: Pick<Terminal, 'workingFolder'>;
}

/** What its path names is looked for from the folder of the file; of stdin from the working folder. */
export function checkRuntimeFile({ file, text }: RuntimeFile, { read, terminal }: RuntimeCheckOptions): CheckedRuntime {
  const { workingFolder } = terminal;
  const path = resolve(workingFolder, file);
  const { config, problems = [] } = read({ file: path, shownAs: file, text, workingFolder, sqlite: 'unchecked' });
  return { config, problems: problems.map(toFileProblem) };
}

/** "3 contexts, 2 tools". */
export function summaryOf({ contexts, tools }: RuntimeConfig): string {
  return `${count(contexts.length, 'context')}, ${count(tools.length, 'tool')}`;
}

export function toFileProblem(problem: Problem): FileProblem {
  const { file, line, column } = problem;
  return { file, line, column, message: sentenceOf(problem) };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
