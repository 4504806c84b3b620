import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { firstFreePort, requireFreePort } from '../../cli/up/ports.ts';
import { freePort } from '../harness/ports.ts';

test('a default port that is taken moves to the next free one, one that was named does not', async () => {
  const wanted = await freePort();
  expect(await firstFreePort(wanted)).toBe(wanted);
  const server = createServer().listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const moved = await firstFreePort(wanted);
  expect(moved).toBeGreaterThan(wanted);
  expect(moved).toBeLessThanOrEqual(wanted + 20);
  await expect(requireFreePort(wanted, '--port')).rejects.toThrow(`port ${wanted} is in use`);
  server.close();
  await once(server, 'close');
  expect(await requireFreePort(wanted, '--port')).toBe(wanted);
});

test('port 0 asks the system for one', async () => {
  expect(await requireFreePort(0, '--port')).toBe(0);
});
