/** The sample server of `mcp2 up`: what the examples point to. */
import { readConfig } from '../../../services/sample/config.ts';
import { start } from '../../../services/sample/start.ts';
import type { Terminal } from '../../terminal.ts';
import type { UpOptions } from '../options.ts';
import { isFree, requireFreePort } from '../ports.ts';
import { DRAIN_MS, type Part } from './part.ts';

const PORT = 50_061;
const SERVER_NAME = 'InventoryDB_Primary';

export const samplePart: Part = {
  name: 'sample',
  title: 'sample',
  choosePort,
  async start({ state, signer, ...context }, port) {
    const config = readConfig({
      MCP2_LISTEN: `127.0.0.1:${port}`,
      MCP2_SAMPLE_SERVER_NAME: SERVER_NAME,
      MCP2_ISSUER: signer.issuer,
      MCP2_JWKS_FILE: state.jwks,
    });
    const sample = await start(config, context);
    return { shown: `${SERVER_NAME} at 127.0.0.1:${sample.port}`, stop: () => sample.stop(DRAIN_MS) };
  },
};

/** It cannot move: the files say where it is. @returns undefined when something else has its place. */
async function choosePort(options: UpOptions, { note }: Terminal): Promise<number | undefined> {
  if (!options.sample) return undefined;
  if (options.samplePort !== undefined) return requireFreePort(options.samplePort, '--sample-port');
  if (await isFree(PORT)) return PORT;
  note(
    `Port ${PORT} is in use, so the sample server is not started: ${SERVER_NAME} becomes ready only if what listens there accepts this key. Stop that process and start again, or use --sample-port and your own files.`,
  );
  return undefined;
}
