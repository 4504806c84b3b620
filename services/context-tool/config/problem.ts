/** Mistakes of a configuration as people read them. */
import { onOneLine } from '#lib/printable.ts';
import type { Problem } from './runtime-config.ts';

/** "inventory.yaml:12:7: contexts[0].key: …". The name of a file is foreign, too. */
export function formatRuntimeProblem(problem: Problem): string {
  const { file, line, column } = problem;
  return `${onOneLine(file)}:${line}:${column}: ${sentenceOf(problem)}`;
}

/** With the part of the configuration that it is about. */
export function sentenceOf({ path, message }: Problem): string {
  return onOneLine(path === '' ? message : `${path}: ${message}`);
}
