/** The state folder of `mcp2 up`: full, damaged, in use by another, or with a name that a shell would take apart. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, type Ended, type Standalone } from '../harness/mcp2-command.ts';
import { SmallDisk } from '../harness/small-disk.ts';

test('a file that is added while the disk is full is registered after the disk is freed', async () => {
  using disk = new SmallDisk(4 * 1024 * 1024);
  await using etcd = await startEtcd();
  await using up = await createStandalone({ args: ['--etcd', etcd.url], state: join(disk.path, 'state') });
  up.writeInventory();
  await up.start();
  disk.fill();
  up.writeServer('later.yaml', { name: 'later', serverName: 'Later' });
  await eventually(
    () => up.output(),
    (output) => /later\.yaml:1: is not in force yet: .*servers\.json/.test(output),
  );
  expect((await up.run(['lookup', 'db:inventory:read'])).stdout).toContain('InventoryDB_Primary');
  disk.free();
  await eventually(
    async () => (await up.run(['get', 'servers', 'later'])).stdout,
    (stdout) => /later +\w+ +\w+ +Later/.test(stdout),
  );
  expect(readdirSync(up.state).filter((name) => /[0-9a-f-]{36}$/.test(name))).toEqual([]);
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

const COMMANDS = {
  get: ['get', 'servers'],
  lookup: ['lookup', 'db:inventory:read'],
  mintAndLookup: ['lookup', 'db:inventory:read', '--address', '127.0.0.1:1'],
  mint: ['token', 'mint', '--aud', 'A', '--capability', 'db:a:read'],
  inspect: ['token', 'inspect', 'eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJpc3MiOiJtY3AyOmxvY2FsIn0.AA'],
  up: ['up', '--port', '0'],
} as const;
type Command = keyof typeof COMMANDS;

test.each<[file: string, contents: readonly string[], commands: readonly Command[]]>([
  ['servers.json', ['null', 'garbage', '{"default/a":{"uid":5}}'], ['get', 'mintAndLookup', 'up']],
  ['key.jwk', ['null', 'garbage', '{"kid":"a","alg":"EdDSA","d":5}'], ['mint', 'mintAndLookup', 'up']],
  ['jwks.json', ['null', 'garbage', '{"keys":5}'], ['inspect', 'up']],
  ['connection.json', ['null', 'garbage', '{"registry":"127.0.0.1:1"}'], ['lookup', 'get']],
  ['issuer', ['a\nb', '\u0000', 'x'.repeat(100_000)], ['mint', 'mintAndLookup', 'up']],
])(
  'a damaged %s is named, with what to do, by every command that reads it',
  async (file, contents, commands) => {
    await using up = await createStandalone();
    await up.run(['up', '--files', up.files, '--port', '0'], { killAfter: 'Ctrl-C ends' });
    const path = join(up.state, file);
    const sound = file === 'connection.json' ? undefined : readFileSync(path);
    for (const content of contents) {
      writeFileSync(path, content);
      for (const command of commands) {
        const ended = await runCommand(up, command);
        expect({ file, content, command, problem: problemOf(ended, file) }).toMatchObject({ problem: undefined });
      }
    }
    if (sound !== undefined) writeFileSync(path, sound);
  },
  240_000,
);

test('a second one with the same state folder writes nothing into the log of the first', async () => {
  await using up = await createStandalone();
  up.writeInventory();
  await up.start();
  const second = await up.run(['up', '--files', up.files, '--port', '0']);
  expect(second.stderr).toContain('already runs');
  const log = readFileSync(join(up.state, 'mcp2.log'), 'utf8');
  expect(log).not.toContain('"stopping"');
  expect(log.match(/"service":"up"/g) ?? []).toEqual([]);
});

test('a line to copy holds its paths as single words of the shell', async () => {
  await using up = await createStandalone({ stateName: "my state's folder" });
  up.writeInventory();
  await up.start();
  expect(await up.output()).toContain(`--state '${up.state.replaceAll("'", "'\\''")}'`);
  await up.interrupt();
  mkdirSync(join(up.state, 'open'), { mode: 0o777 });
});

/** With the state folder as it is; `up` is ended when it runs all the same. */
async function runCommand(up: Standalone, command: Command): Promise<Ended> {
  const files = command === 'up' ? ['--files', up.files] : [];
  return up.run([...COMMANDS[command], ...files], command === 'up' ? { killAfter: 'Ctrl-C ends' } : {});
}

/** Why that is no sentence that names the file; undefined when it is one. */
function problemOf({ code, stdout, stderr }: Ended, file: string): string | undefined {
  const said = `${stdout}${stderr}`;
  if (/unexpected error|TypeError|\n {4}at /.test(said)) return `a stack or our own error: ${said}`;
  if (!said.includes(file)) return `it does not name the file: ${code} ${said}`;
  return code === 0 && !/damaged|cannot be used/.test(said) ? `it passes: ${said}` : undefined;
}
