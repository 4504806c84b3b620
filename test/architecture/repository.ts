/**
 * The files of the repository, as the rules under test/architecture look at them: path and text, nothing else, so that
 * each rule can also be shown a bad example that exists nowhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const ROOT = join(import.meta.dirname, '../..');

/** What .gitignore names, and git's own folder. */
const IGNORED = /^(node_modules|\.git|dist|coverage)$|\.(log|tgz)$/;

/** Every text file of the repository, generated ones included. */
export function readRepository(): SourceFile[] {
  return filesIn(ROOT)
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
    .filter(({ text }) => !text.includes('\0'))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The TypeScript that people write: generated types left out. */
export function readSources(): SourceFile[] {
  return readRepository().filter(({ path }) => path.endsWith('.ts') && !path.startsWith('protos/generated/'));
}

export function isTest({ path }: SourceFile): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts');
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED.test(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}
