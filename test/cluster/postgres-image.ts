/** The root file system of `localhost/postgres:1`: Debian's PostgreSQL, for pods that stand for somebody's database. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDebian } from './base-image.ts';
import type { Say } from './progress.ts';

/** Of Debian 12. */
const PROGRAMS = '/usr/lib/postgresql/15/bin';

/** Writes it as a tar archive. @returns further lines for the Containerfile. */
export async function buildPostgres({
  archive,
  say,
}: {
  readonly archive: string;
  readonly say: Say;
}): Promise<string[]> {
  await buildDebian({ archive, say, packages: ['postgresql'] }, async (root) => {
    // The cluster that the package makes: a pod makes its own.
    await rm(join(root, 'var/lib/postgresql/15'), { recursive: true, force: true });
    // A third of all bytes, and used for long queries alone.
    await removeCompiler(join(root, 'usr/lib'));
  });
  // Nobody, whom Debian knows by name: initdb asks for that of its user.
  return [`ENV PATH=${PROGRAMS}:/usr/bin:/bin`, 'USER 65534:65534'];
}

async function removeCompiler(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((path) => /\/(?:libLLVM|libz3)[^/]*$/.test(path))) await rm(join(folder, name));
}
