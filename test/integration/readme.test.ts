/** Every command of the README, run as a reader would type it, in the order it stands there. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser } from '../../operator/server/resource.ts';
import { runCommand } from '../cluster/run-command.ts';
import { eventually } from '../harness/eventually.ts';
import { examplesOf, readBlocks, withoutSection, wordsOf } from '../harness/page.ts';
import { ManagedProcess } from '../harness/processes.ts';

const ROOT = join(import.meta.dirname, '../..');
/**
 * The commands for a cluster are run by test/e2e/install-and-use.test.ts, on one; those of a server of one's own by
 * own-server-pages.test.ts, in an empty folder.
 */
const README = ['On Kubernetes', 'A server of your own'].reduce(
  withoutSection,
  readFileSync(join(ROOT, 'README.md'), 'utf8'),
);
const EXAMPLES = examplesOf(README);
/** What the gate runs by itself: installing, and the suites that this test is a part of. */
const GATE = [
  'npm ci',
  'npm run doctor',
  'npm test',
  'npm run test:chart',
  'npm run test:database',
  'npm run test:faults',
  'npm run test:e2e',
  'npm run bench -- registry',
];

let folder = '';
let started: ManagedProcess;
let env: Record<string, string | undefined>;

beforeAll(async () => {
  for (const port of [50050, 50052, 50061, 50062, 50063]) await requireFree(port);
  folder = await mkdtemp(join(tmpdir(), 'mcp2-readme-'));
  env = { ...process.env, XDG_STATE_HOME: join(folder, 'state') };
  const ready = async () => /Ctrl-C ends/.test(readFileSync(started.logFile, 'utf8'));
  started = new ManagedProcess({ name: 'npm-start', command: 'npm', args: ['start'], cwd: ROOT, env, ready });
  await started.start();
});

afterAll(async () => {
  await started?.stop();
  if (folder !== '') await rm(folder, { recursive: true });
});

test('the README has commands to run, and the gate runs the rest', () => {
  expect(commands()).toContain('npm start');
  const gate = readFileSync(join(ROOT, '.ci/run'), 'utf8').replaceAll('--silent ', '');
  for (const command of GATE) {
    expect(commands()).toContain(command);
    expect(gate).toContain(command.replace(' registry', ''));
  }
});

test('every other command ends well, and prints what the README shows', async () => {
  const rest = EXAMPLES.filter(({ command }) => command !== 'npm start' && !GATE.includes(command));
  expect(rest.length).toBeGreaterThan(5);
  for (const { command, shown } of rest) {
    const output = await shell(command.replaceAll('mcp2.jwt', join(folder, 'mcp2.jwt')), shown !== undefined);
    if (shown !== undefined) expect(wordsOf(output), command).toContain(wordsOf(shown));
  }
}, 180_000);

test('the lines that npm start prints to try end well as they stand there', async () => {
  const printed = readFileSync(started.logFile, 'utf8').split('Try in another terminal:')[1] ?? '';
  const toTry = printed.split('\n').filter((line) => line.startsWith('  npx mcp2 '));
  const commandsToTry = toTry.map((line) => /npx mcp2 (\w+)/.exec(line)?.[1]);
  expect(commandsToTry).toEqual(['lookup', 'context', 'call', 'call', 'publish', 'subscribe']);
  for (const line of toTry) expect(await shell(line.trim(), false)).not.toBe('');
});

test('the resources in the README are some that the API server takes', () => {
  const definition = readFileSync(join(ROOT, 'crds/mcp2.dev_mcp2servers.yaml'), 'utf8');
  const parseServer = createMcp2ServerParser(readSchema(definition));
  const resources = readBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8')).filter(({ text }) =>
    /^kind: Mcp2Server$/m.test(text),
  );
  expect(resources).toHaveLength(2);
  for (const { text } of resources) {
    const { problems } = parseServer(parse(text), { allowLoopback: text.includes('127.0.0.1') });
    expect(problems).toBeUndefined();
  }
});

function commands(): readonly string[] {
  return EXAMPLES.map(({ command }) => command);
}

/**
 * The README names the default ports, so they must be free here too. They lie in the range that outgoing connections
 * take theirs from, so one may be in use for a moment.
 */
async function requireFree(port: number): Promise<void> {
  const free = await eventually(() => isFree(port), Boolean, { timeoutMs: 60_000 }).catch(() => false);
  if (!free) throw new Error(`port ${port} is in use: end the "npm start" that runs on this machine, then test again`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function shell(command: string, mayFail: boolean): Promise<string> {
  const line = mayFail ? `{ ${command}; } 2>&1 || true` : command;
  return runCommand('sh', ['-c', line], { env, cwd: ROOT });
}
