/** Completion as shells ask for it, and in an interactive bash, zsh and fish, where they are installed. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { LAUNCHER, runMcp2 } from '../harness/mcp2-command.ts';
import { createWorkspace } from '../harness/processes.ts';

const SERVERS = {
  'default/inventory-db': remembered('InventoryDB_Primary'),
  'default/pricing': remembered('PricingRules'),
};

function remembered(serverName: string) {
  const [uid, creationTimestamp] = ['5f6f3a2e-0000-4000-8000-000000000000', '2026-01-01T00:00:00Z'];
  const facts = { specHash: 'x', generation: 1, file: 'a.yaml', hasFinalizer: true };
  return { uid, serverName, creationTimestamp, ...facts };
}

async function complete(line: string, state = createWorkspace('completion').folder): Promise<string[]> {
  const env = { COMP_LINE: line, COMP_POINT: String(Buffer.byteLength(line)) };
  const { code, stdout, stderr } = await runMcp2(['complete', 'mcp2', 'x', 'y'], { state, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').filter((word) => word !== '');
}

test('commands, options and values are completed', async () => {
  expect(await complete('mcp2 c')).toEqual(['context', 'call', 'completion']);
  expect(await complete('mcp2 call --idem')).toEqual(['--idempotency-key']);
  expect(await complete("mcp2 call x --arg 'a=$(touch /tmp/no)' -o r")).toEqual(['raw']);
  expect(await complete('mcp2 token ')).toEqual(expect.arrayContaining(['mint', 'inspect']));
});

test('names of servers come from the state folder, where there is one', async () => {
  const { folder: state } = createWorkspace('completion');
  expect(await complete('mcp2 describe ', state)).toEqual([]);
  writeServers(state);
  expect(await complete('mcp2 describe ', state)).toEqual(['InventoryDB_Primary', 'PricingRules']);
  expect(await complete('mcp2 call x --server P', state)).toEqual(['PricingRules']);
});

test('fish gets descriptions as well', async () => {
  const args = ['complete', '--described', '--', 'call', '--idem'];
  const { stdout } = await runMcp2(args, { state: createWorkspace('completion').folder });
  expect(stdout).toMatch(/^--idempotency-key\trun it once/);
});

interface Shell {
  readonly name: string;
  readonly command: readonly string[];
  /** Reads the script. */
  readonly load: string;
}

const SHELLS: readonly Shell[] = [
  { name: 'bash', command: ['bash', '--norc', '--noprofile', '-i'], load: 'PS1=ready; source <(mcp2 completion bash)' },
  {
    name: 'zsh',
    command: ['zsh', '-f', '-i'],
    // Its usual TAB also expands what is typed, whatever is completed.
    load: 'bindkey "^I" complete-word; autoload -Uz compinit; compinit -u; source <(mcp2 completion zsh)',
  },
  { name: 'fish', command: ['fish', '--no-config', '-i'], load: 'mcp2 completion fish | source' },
];

/** Types into an interactive shell, and looks at what its screen shows. Arguments: the line that loads, then the shell. */
const TYPIST = String.raw`
import os, pty, re, select, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
def until(wanted):
    global seen
    end = time.time() + 40
    while time.time() < end:
        if select.select([fd], [], [], 0.2)[0]: seen += os.read(fd, 65536)
        if b'\x1b[c' in seen: os.write(fd, b'\x1b[?1;2c'); seen = seen.replace(b'\x1b[c', b'')
        # Colours and cursor movements between the letters are no letters.
        if wanted in re.sub(rb'\x1b\[[0-9;?]*[A-Za-z]', b'', seen): break
    else: sys.exit('waited for ' + repr(wanted) + ', saw ' + repr(seen))
    seen = b''
os.write(fd, sys.argv[1].encode() + b'; echo do"ne"\n'); until(b'done\r\n')
os.write(fd, b'mcp2 desc\t'); until(b'describe ')
os.write(fd, b'Inv\t'); until(b'entoryDB_Primary')
os.write(fd, b' $(touch evaluated)\t\x15echo over"all"\n'); until(b'overall\r\n')
`;

test.each(SHELLS)(
  'an interactive $name completes a command and a server, and evaluates nothing of what is typed',
  async (shell) => {
    if (isMissing(shell.name)) return;
    const { folder } = createWorkspace('completion');
    const state = join(folder, 'state');
    mkdirSync(state, { mode: 0o700 });
    writeServers(state);
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'mcp2'), `#!/bin/sh\nexec "${process.execPath}" "${LAUNCHER}" "$@"\n`);
    chmodSync(join(bin, 'mcp2'), 0o755);
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: folder, MCP2_STATE: state, TERM: 'xterm' };
    await promisify(execFile)('python3', ['-c', TYPIST, shell.load, ...shell.command], { env, cwd: folder });
    expect(existsSync(join(folder, 'evaluated'))).toBe(false);
  },
);

test.each(SHELLS)('the script for $name is one that the shell reads', async ({ name }) => {
  const { folder: state } = createWorkspace('completion');
  const { code, stdout, stderr } = await runMcp2(['completion', name], { state });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const file = join(state, `mcp2.${name}`);
  writeFileSync(file, stdout);
  if (!isMissing(name)) execFileSync(name, ['-n', file]);
});

test('a shell that is not known is refused with those that are', async () => {
  const { code, stderr } = await runMcp2(['completion', 'csh'], { state: createWorkspace('completion').folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(/bash, zsh, fish/);
});

function writeServers(state: string): void {
  writeFileSync(join(state, 'servers.json'), JSON.stringify(SERVERS), { mode: 0o600 });
}

/** Not everybody who develops has all three; where MCP2_TEST_SHELLS is set, as in CI, they must be there. */
function isMissing(shell: string): boolean {
  try {
    execFileSync(shell, ['--version']);
    return false;
  } catch (error) {
    if (process.env.MCP2_TEST_SHELLS !== undefined) throw error;
    return true;
  }
}

test('the usual words of --from are completed, and the commands below subscriptions', async () => {
  expect(await complete('mcp2 subscribe a --from ')).toEqual(['beginning', 'new', 'last']);
  expect(await complete('mcp2 publish a b --cloudevents s')).toEqual(['structured']);
  expect(await complete('mcp2 subscriptions p')).toEqual(['parked']);
  expect(await complete('mcp2 bus ')).toEqual(['backup', 'restore', 'accept-loss', 'help']);
});
