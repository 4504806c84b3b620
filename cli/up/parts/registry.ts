/** The registry of `mcp2 up`, on the first free port from 50050 on. */
import { randomBytes } from 'node:crypto';
import { readConfig } from '../../../services/registry/config.ts';
import { start } from '../../../services/registry/start.ts';
import type { Terminal } from '../../terminal.ts';
import type { UpOptions } from '../options.ts';
import { firstFreePort, requireFreePort } from '../ports.ts';
import { DRAIN_MS, type Part } from './part.ts';

const PORT = 50_050;

export const registryPart: Part = {
  name: 'registry',
  title: 'registry',
  choosePort,
  async start({ state, signer, ...context }, port) {
    const config = readConfig({
      MCP2_LISTEN: `127.0.0.1:${port}`,
      MCP2_ISSUER: signer.issuer,
      MCP2_JWKS_FILE: state.jwks,
      MCP2_REGISTRY_STORE_DIR: state.store,
      MCP2_REGISTRY_ALLOW_LOOPBACK: 'true',
    });
    const registry = await start(config, { ...context, randomBytes });
    const address = `127.0.0.1:${registry.port}`;
    return { shown: address, address, ready: registry.ready, stop: () => registry.stop(DRAIN_MS) };
  },
};

async function choosePort({ port: named }: UpOptions, { note }: Terminal): Promise<number> {
  if (named !== undefined) return requireFreePort(named, '--port');
  const port = await firstFreePort(PORT);
  if (port !== PORT) note(`Port ${PORT} is in use; the registry listens on ${port} instead.`);
  return port;
}
