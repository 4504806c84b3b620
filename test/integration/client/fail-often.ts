/**
 * A program that makes a new client after each of many failures, and says how many sockets it has left. Arguments: the
 * address of a registry that does not answer, how many clients, and a CA file to use TLS.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, loadServices, type Services } from '#sdk/client/index.ts';

/** Of this process. A descriptor may be gone between listing and reading. */
function countSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

interface Registry {
  readonly registry: string;
  readonly caFile: string | undefined;
  readonly services: Services;
}

async function failOnce(target: Registry): Promise<void> {
  const mcp2 = await connect({ ...target, token: 'a token' });
  const options = { deadlineMs: 5, failFast: true };
  await mcp2.lookup({ capability_filter: ['db:a:read'] }, options).catch(() => undefined);
  mcp2.close();
}

if (import.meta.main) {
  const [registry = '', count = '', caFile] = process.argv.slice(2);
  const target = { registry, caFile, services: loadServices() };
  await failOnce(target);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = countSockets();
  for (let made = 0; made < Number(count); made += 1) await failOnce(target);
  const endMs = performance.now() + 5_000;
  // What is closed is gone a moment later.
  while (countSockets() > before && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 50));
  // The first one's may have been among those before.
  process.stdout.write(JSON.stringify({ left: Math.max(0, countSockets() - before) }));
}
