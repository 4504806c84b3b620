/**
 * Runs inside a container of the image (as `node --eval`, so that the image need not hold it): how much of it is ours,
 * and the time until the registry answers /livez. Prints JSON.
 */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const STARTS = 5;
const OPS_PORT = 29090;
const TOO_LONG_MS = 30_000;

const folder = mkdtempSync('/tmp/mcp2-image-');
const { publicKey } = generateKeyPairSync('ed25519');
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'image', alg: 'EdDSA', use: 'sig' };
writeFileSync(`${folder}/jwks.json`, JSON.stringify({ keys: [jwk] }));

const files = readdirSync('/app', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(`${parentPath}/${name}`).size, 0);
const startsMs = [];
for (let start = 0; start < STARTS; start++) startsMs.push(await untilAlive(start));
startsMs.sort((a, b) => a - b);
process.stdout.write(
  JSON.stringify({ files: files.length, bytes, startMs: startsMs[STARTS >> 1], node: process.version }),
);

async function untilAlive(start) {
  const env = {
    MCP2_LISTEN: '127.0.0.1:29091',
    MCP2_OPS_LISTEN: `127.0.0.1:${OPS_PORT}`,
    MCP2_ISSUER: 'mcp2:image',
    MCP2_JWKS_FILE: `${folder}/jwks.json`,
    MCP2_REGISTRY_STORE_DIR: `${folder}/store-${start}`,
    MCP2_LOG_LEVEL: 'error',
    HOME: '/tmp',
  };
  const startedMs = performance.now();
  const registry = spawn(process.execPath, ['/app/image/entry.mjs', 'registry'], { env, stdio: ['ignore', 2, 2] });
  const ended = new Promise((resolve) => registry.once('exit', resolve));
  try {
    while (!(await isAlive())) {
      if (registry.exitCode !== null) throw new Error(`the registry ended with exit code ${registry.exitCode}`);
      if (performance.now() - startedMs > TOO_LONG_MS) throw new Error('the registry does not answer /livez');
      await sleep(5);
    }
    return Math.round(performance.now() - startedMs);
  } finally {
    registry.kill('SIGTERM');
    await ended;
  }
}

function isAlive() {
  return fetch(`http://127.0.0.1:${OPS_PORT}/livez`).then(
    ({ ok }) => ok,
    () => false,
  );
}
