/**
 * The image's entry point: the first argument chooses the process, the rest are its arguments. Whatever is not a
 * process is a command of `mcp2`, so that `docker run … token inspect -` and a Job's `args` need no other entry point.
 *
 * Plain JavaScript without a build step or a shell: it is what a container with a read-only root starts.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Each reads its settings from the environment (docs/settings.md). */
const PROCESSES = {
  operator: '../operator/main.ts',
  registry: '../services/registry/main.ts',
  'event-bus': '../services/event-bus/main.ts',
  'context-tool': '../services/context-tool/main.ts',
  // The context-tool with the inventory of examples/: pods of former charts have this argument.
  sample: '../services/context-tool/sample/main.ts',
  setup: '../operator/setup/main.ts',
  check: '../operator/check/main.ts',
  etcd: '../operator/etcd/main.ts',
};

const [name = '', ...rest] = process.argv.slice(2);

if (Object.hasOwn(PROCESSES, name)) await start(PROCESSES[name], rest);
else if (isCommand(name)) await start('../cli/main.ts', [name, ...rest]);
else {
  const processes = Object.keys(PROCESSES).join(', ');
  const said = name === '' ? 'no process was named' : `there is no process or command ${JSON.stringify(name)}`;
  process.stderr.write(
    `mcp2: ${said}. The first argument is a process (${processes}) or a command of mcp2 ("--help" lists them).\n`,
  );
  process.exitCode = 2;
}

/** A file of cli/commands is one command; "help" and options are commander's. */
function isCommand(word) {
  if (word === 'help' || /^--?[a-zA-Z]/.test(word)) return true;
  return /^[a-z]+$/.test(word) && existsSync(new URL(`../cli/commands/${word}.ts`, import.meta.url));
}

/** The process finds its own arguments where it always does: from the third place on. */
async function start(module, args) {
  const url = new URL(module, import.meta.url);
  process.argv.splice(1, Infinity, fileURLToPath(url), ...args);
  await import(url);
}
