/**
 * The proposal's Python servers under `reference/`, mended so that they answer at all.
 * Its log of each call is read and thrown away, as a pipe to a log collector would.
 */
import { join } from 'node:path';
import { runCommand } from '../cluster/run-command.ts';
import { ensurePython } from '../harness/python.ts';
import { type BenchServer, startAndWait } from './bench-server.ts';

const FOLDER = join(import.meta.dirname, 'reference');

export interface Reference {
  readonly server: BenchServer;
  /** Minted by its own auth.py, for what is measured. */
  readonly token: string;
}

/** @param total As many as the product's side has. @param seeded Fewer only where the figures mean nothing. */
/** Its ContextTool server, which answers `inventory:prod_12345:stock_count` and `compute_pricing`. */
export async function startReferenceTools(): Promise<Reference> {
  const { command, env } = await environment();
  const server = await startAndWait({ command, args: ['-W', 'ignore', join(FOLDER, 'context_tool_server.py')], env });
  const mint = [
    'from auth import create_capability_token as mint',
    "print(mint('bench.agent', ['db:inventory:read', 'tool:compute_pricing'], ['InventoryDB_Primary']))",
  ].join('; ');
  const token = await runCommand(command, ['-W', 'ignore', '-c', mint], { env: { ...process.env, ...env } });
  return { server, token: token.trim() };
}

/** Its registry, filled. */
export async function startReference(total: number, seeded: number): Promise<Reference> {
  const { command, env } = await environment();
  const args = ['-W', 'ignore', join(FOLDER, 'registry_server.py')];
  const server = await startAndWait({ command, args, env });
  const seed = ['-W', 'ignore', join(FOLDER, 'seed.py'), server.address, String(total), String(seeded)];
  const token = await runCommand(command, seed, { env: { ...process.env, ...env } });
  return { server, token: token.trim() };
}

async function environment() {
  const python = await ensurePython();
  const env = { PYTHONPATH: `${python.stubs}:${FOLDER}`, PYTHONDONTWRITEBYTECODE: '1' };
  return { command: python.command, env };
}
