/**
 * The proposal's Python registry under `reference/`, mended so that it answers at all, filled with the same servers.
 * Its log of each call is read and thrown away, as a pipe to a log collector would.
 */
import { join } from 'node:path';
import { runCommand } from '../cluster/run-command.ts';
import { ensurePython } from '../harness/python.ts';
import { type BenchServer, startAndWait } from './bench-server.ts';

const FOLDER = join(import.meta.dirname, 'reference');

export interface Reference {
  readonly server: BenchServer;
  /** Minted by its own auth.py, for Lookup. */
  readonly token: string;
}

/** @param total As many as the product's side has. @param seeded Fewer only where the figures mean nothing. */
export async function startReference(total: number, seeded: number): Promise<Reference> {
  const python = await ensurePython();
  const env = { PYTHONPATH: `${python.stubs}:${FOLDER}`, PYTHONDONTWRITEBYTECODE: '1' };
  const args = ['-W', 'ignore', join(FOLDER, 'registry_server.py')];
  const server = await startAndWait({ command: python.command, args, env });
  const seed = ['-W', 'ignore', join(FOLDER, 'seed.py'), server.address, String(total), String(seeded)];
  const token = await runCommand(python.command, seed, { env: { ...process.env, ...env } });
  return { server, token: token.trim() };
}
