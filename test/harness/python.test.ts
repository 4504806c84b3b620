import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../cluster/run-command.ts';
import { ensurePython, PYTHON_INSTALL_HINT } from './python.ts';

test('without python3 the error names the line that installs it', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'mcp2-python-'));
  try {
    await expect(ensurePython({ env: { PATH: empty, XDG_CACHE_HOME: empty } })).rejects.toThrow(PYTHON_INSTALL_HINT);
  } finally {
    await rm(empty, { recursive: true });
  }
});

test('the environment has the stubs of the reference proto and is built once', async () => {
  const first = await ensurePython();
  const said: string[] = [];
  expect(await ensurePython({ say: (line) => said.push(line) })).toEqual(first);
  expect(said).toEqual([]);
  const env = { ...process.env, PYTHONPATH: first.stubs, PYTHONDONTWRITEBYTECODE: '1' };
  const script = 'import jwt, mcp2_pb2_grpc as g; print(g.DiscoveryStub.__name__)';
  expect(await runCommand(first.command, ['-c', script], { env })).toBe('DiscoveryStub');
});
