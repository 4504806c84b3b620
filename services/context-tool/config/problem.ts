/** Mistakes of a configuration as people read them. */
import { onOneLine } from '#lib/printable.ts';
import type { Problem } from './runtime-config.ts';

/** "inventory.yaml:12:7: contexts[0].key: …". The name of a file is foreign, too. */
export function formatRuntimeProblem({ file, line, column, path, message }: Problem): string {
  return `${onOneLine(file)}:${line}:${column}: ${path === '' ? '' : `${path}: `}${onOneLine(message)}`;
}
