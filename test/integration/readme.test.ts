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
import { ManagedProcess } from '../harness/processes.ts';
import { withoutSection } from '../harness/readme.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The commands for a cluster are run by test/e2e/install-and-use.test.ts, on one. */
const README = withoutSection(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'On Kubernetes');
/** What the gate runs by itself: installing, and the suites that this test is a part of. */
const GATE = [
  'npm ci',
  'npm run doctor',
  'npm test',
  'npm run test:chart',
  'npm run test:faults',
  'npm run test:e2e',
  'npm run bench -- registry',
];

let folder = '';
let started: ManagedProcess;
let env: Record<string, string | undefined>;

beforeAll(async () => {
  for (const port of [50050, 50061, 50062, 50063]) await requireFree(port);
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
  const rest = examples().filter(({ command }) => command !== 'npm start' && !GATE.includes(command));
  expect(rest.length).toBeGreaterThan(5);
  for (const { command, shown } of rest) {
    const output = await shell(command.replaceAll('mcp2.jwt', join(folder, 'mcp2.jwt')), shown !== undefined);
    if (shown !== undefined) expect(words(output), command).toContain(words(shown));
  }
});

test('the lines that npm start prints to try end well as they stand there', async () => {
  const printed = readFileSync(started.logFile, 'utf8').split('Try in another terminal:')[1] ?? '';
  const toTry = lines(printed).filter((line) => line.startsWith('  npx mcp2 '));
  const commandsToTry = toTry.map((line) => /npx mcp2 (\w+)/.exec(line)?.[1]);
  expect(commandsToTry).toEqual(['lookup', 'context', 'call', 'call']);
  for (const line of toTry) expect(await shell(line.trim(), false)).not.toBe('');
});

test('the resource in the README is one that the API server takes', () => {
  const definition = readFileSync(join(ROOT, 'crds/mcp2.dev_mcp2servers.yaml'), 'utf8');
  const parseServer = createMcp2ServerParser(readSchema(definition));
  const [resource] = blocks(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'yaml');
  expect(parseServer(parse(resource ?? ''), { allowLoopback: false }).problems).toBeUndefined();
});

function blocks(page: string, language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text ?? '');
}

interface Example {
  readonly command: string;
  /** What the README shows of its output, in a console block; such a command may also fail. */
  readonly shown?: string;
}

/** In the order of the page. */
function examples(): readonly Example[] {
  return [...README.matchAll(/^```(sh|console)\n([\s\S]*?)^```/gm)].flatMap(([, kind, text = '']) =>
    kind === 'sh' ? lines(text).map((command) => ({ command })) : dialogues(text),
  );
}

function dialogues(text: string): readonly Example[] {
  return text.split(/^\$ /m).flatMap((dialogue) => {
    const [command = '', ...shown] = lines(dialogue);
    return command === '' ? [] : [{ command, shown: shown.join('\n') }];
  });
}

function commands(): readonly string[] {
  return examples().map(({ command }) => command);
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** Columns are as wide as their content; only the words count. */
function words(text: string): string {
  return text.split(/\s+/).join(' ').trim();
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
