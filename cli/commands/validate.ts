/** `mcp2 validate FILE…`: the schema and the rules of the API server, with file and line, without starting anything. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { compileCapability } from '#lib/capability/capability.ts';
import { foldServerName } from '#lib/capability/name.ts';
import { capabilityProblem } from '#lib/capability/problem.ts';
import { readForeignFileSync } from '#lib/foreign-file.ts';
import { keyOf } from '#lib/kube/object.ts';
import { onOneLine } from '#lib/printable.ts';
import { type Mcp2Server, serverNameOf } from '../../operator/server/resource.ts';
import { listFiles } from '../../operator/source/reader/read-file.ts';
import { ResourceReader } from '../../operator/source/reader/resource-reader.ts';
import { type FileProblem, formatProblem, MAX_FILE_BYTES } from '../../operator/source/resource-file.ts';
import { type ConfigReader, createConfigReader } from '../../services/context-tool/config/read-config.ts';
import type { RuntimeConfig } from '../../services/context-tool/config/runtime-config.ts';
import { createSecrets } from '../../services/context-tool/config/secrets.ts';
import { readDefinition } from '../definition.ts';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { whyUnreadable } from '../text/input.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';
import { createConnectedCheck } from '../validate/connected.ts';
import { checkRuntimeFile, summaryOf, toFileProblem } from '../validate/runtime-file.ts';

interface ValidateOptions {
  readonly connect?: true;
  readonly output: Output;
}

const EXAMPLES = `
Examples:
  mcp2 validate examples/inventory/inventory.yaml
  mcp2 validate servers/                          every *.yaml and *.yml in the folder
  mcp2 validate inventory/primary.yaml            the configuration of a runtime server
  mcp2 validate --connect inventory/              also what only its databases and modules can say
  cat server.yaml | mcp2 validate -
  kubectl get m2s -A -o yaml | mcp2 validate -    the items of a list

Files are read as kubectl reads them: "yes" and "on" without quotes are true, 010 is eight. Resources of other kinds in a
file are not looked at. A file with "server:" at its top configures a runtime server; its SQL, modules and other files are
looked for from its folder. Without --connect no database is opened, no secret read and no module run; with it PostgreSQL
parses the statements, SQLite does so in a copy without rows, and modules are loaded, which runs their code. An address on
this machine (127.0.0.1, localhost) is accepted, as in the files of "mcp2 up"; a cluster refuses it. The first 20 problems
of a file are shown.

Exit codes:
  0  every server in the files is valid
  1  something is wrong, or a file cannot be read
  2  the command was called wrongly
  3  there is no server in the files, so nothing was checked`;

const MAX_PROBLEMS = 1000;
const NOTHING_TO_CHECK = 3;

export function validateCommand(terminal: Terminal): Command {
  return new Command('validate')
    .summary('check YAML files of servers')
    .description(
      'Check YAML files of Mcp2Server resources and of runtime servers. Exits with 1 when something is wrong, with 3 when there is nothing to check.',
    )
    .argument('<file...>', 'files, folders, or - for stdin')
    .option('--connect', 'also ask the databases and load the modules of runtime servers')
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action((paths: string[], options: ValidateOptions) => validate(paths, options, terminal));
}

interface Input {
  /** "-" is stdin. */
  readonly path: string;
  /** False for one that lies in a folder that was named: one of many, whose problems are told with theirs. */
  readonly isNamed: boolean;
}

interface Checked {
  /** As it is shown. */
  readonly file: string;
  readonly resources: readonly Mcp2Server[];
  /** A file of a runtime server that has no problem. */
  readonly runtime?: RuntimeConfig | undefined;
  readonly problems: readonly FileProblem[];
  readonly remarks: readonly FileProblem[];
  /** Kinds that were not looked at. */
  readonly others: readonly string[];
}

async function validate(
  paths: readonly string[],
  { output, connect }: ValidateOptions,
  terminal: Terminal,
): Promise<void> {
  const read = await checkAll(paths.flatMap(inputsOf), terminal, connect === true);
  const checked = connect === true ? await connectAll(read, terminal) : read;
  const doubled = [...doubles(checked), ...doubleRuntimes(checked)];
  const problems = [...checked.flatMap((one) => one.problems), ...doubled].slice(0, MAX_PROBLEMS);
  const servers = checked.reduce((sum, { resources, runtime }) => sum + resources.length + (runtime ? 1 : 0), 0);
  const valid = problems.length === 0 && servers > 0;
  printAs(terminal, output, { valid, files: checked.length, servers, problems }, () => {
    for (const problem of problems) terminal.print(formatProblem(problem));
    for (const one of checked) {
      if (!problems.some(({ file }) => file === one.file)) terminal.print(`${onOneLine(one.file)}: ${verdictOf(one)}`);
    }
  });
  for (const { file, resources, remarks } of checked) {
    for (const remark of remarks) terminal.note(formatProblem(remark));
    for (const text of resources.flatMap(withoutEffect)) terminal.note(`${onOneLine(file)}: ${text}`);
  }
  for (const text of shadowed(checked)) terminal.note(text);
  if (problems.length > 0) throw new CommandFailed(`${count(problems.length, 'problem')} found`);
  if (servers === 0) {
    const why = 'there is nothing to check here: no Mcp2Server and no configuration of a runtime server';
    throw new CommandFailed(why, { exitCode: NOTHING_TO_CHECK });
  }
}

/** In a thread with a time limit: files of others are what this is for. */
async function checkAll(
  inputs: readonly Input[],
  terminal: Terminal,
  withSecrets: boolean,
): Promise<readonly Checked[]> {
  const reader = new ResourceReader({ definition: readDefinition(terminal) });
  const readConfig = createConfigReader();
  const secrets = withSecrets ? createSecrets(terminal.env) : undefined;
  const readRuntime: ConfigReader = (options) => readConfig({ ...options, secrets });
  try {
    const checked: Checked[] = [];
    for (const input of inputs) checked.push(await check(input, { reader, readRuntime, terminal }));
    return checked;
  } finally {
    await reader.close();
  }
}

/** One after the other: what is slow is named. */
async function connectAll(checked: readonly Checked[], terminal: Terminal): Promise<readonly Checked[]> {
  const configs = checked.flatMap(({ runtime }) => runtime ?? []);
  if (configs.length === 0) return checked;
  using connected = await createConnectedCheck(terminal);
  const asked: Checked[] = [];
  for (const one of checked) {
    const found = one.runtime === undefined ? [] : await connected.check(one.runtime, one.file, configs);
    asked.push(found.length === 0 ? one : { ...one, runtime: undefined, problems: found.map(toFileProblem) });
  }
  return asked;
}

interface Tools {
  readonly reader: ResourceReader;
  readonly readRuntime: ConfigReader;
  readonly terminal: Terminal;
}

async function check({ path, isNamed }: Input, { reader, readRuntime, terminal }: Tools): Promise<Checked> {
  const file = path === '-' ? 'stdin' : path;
  const text = await readText(path, terminal).catch((error: unknown) => {
    if (isNamed) throw unreadable(path, error);
    return new Error(`cannot be read: ${whyUnreadable(error)}`);
  });
  if (text instanceof Error) {
    const problems = [{ file, line: 1, message: text.message }];
    return { file, resources: [], problems, remarks: [], others: [] };
  }
  const read = await reader.readText(file, text, { skipOtherKinds: true });
  if (read.problems !== undefined) return { file, resources: [], problems: read.problems, remarks: [], others: [] };
  if (read.isRuntime) {
    const { config, problems } = checkRuntimeFile({ file, text }, { read: readRuntime, terminal });
    return { file, resources: [], runtime: config, problems, remarks: [], others: [] };
  }
  return { file, resources: read.ok, problems: [], remarks: read.remarks ?? [], others: read.others ?? [] };
}

function verdictOf({ resources, runtime, others }: Checked): string {
  if (runtime !== undefined) return `runtime server ${runtime.server.name} (${summaryOf(runtime)}), valid`;
  if (resources.length > 0) return `${count(resources.length, 'server')}, valid`;
  return others.length === 0 ? 'nothing to check' : `nothing to check, only ${others.join(', ')}`;
}

/** Legal, but hardly meant: Discovery takes any capability, a token only those of known namespaces. */
function withoutEffect({ metadata, spec }: Mcp2Server): readonly string[] {
  return (spec.capabilities ?? []).flatMap(({ name }) => {
    const problem = compileCapability(name) === undefined ? capabilityProblem(name) : undefined;
    return problem === undefined ? [] : [`${metadata.name}: no token can grant this capability: ${onOneLine(problem)}`];
  });
}

/** A folder stands for the files that `mcp2 up` would read in it. */
function inputsOf(path: string): readonly Input[] {
  if (path === '-') return [{ path, isNamed: true }];
  try {
    if (!statSync(path).isDirectory()) return [{ path, isNamed: true }];
  } catch (error) {
    throw unreadable(path, error);
  }
  const names = listFolder(path);
  if (names.length > 0) return names.map((name) => ({ path: join(path, name), isNamed: false }));
  throw new CommandFailed(`${onOneLine(path)} holds no *.yaml or *.yml file; folders inside it are not looked at`, {
    exitCode: NOTHING_TO_CHECK,
  });
}

function listFolder(path: string): readonly string[] {
  try {
    return listFiles(path);
  } catch (error) {
    throw new CommandFailed(onOneLine((error as Error).message), { cause: error });
  }
}

async function readText(path: string, { readInput }: Terminal): Promise<string> {
  if (path !== '-') return readForeignFileSync(path, { maxBytes: MAX_FILE_BYTES }).toString('utf8');
  return (await readInput()) ?? '';
}

/** Two definitions of one resource: `mcp2 up` would take the first one only. */
function doubles(checked: readonly Checked[]): FileProblem[] {
  const first = new Map<string, string>();
  return checked.flatMap(({ file, resources }) =>
    resources.flatMap((resource) => {
      const key = keyOf(resource);
      const other = first.get(key);
      if (other === undefined) first.set(key, file);
      return other === undefined
        ? []
        : [{ file, line: 1, message: `${key} is already defined in ${onOneLine(other)}` }];
    }),
  );
}

/** Two runtime servers of one name: `mcp2 up` would start the first one only. */
function doubleRuntimes(checked: readonly Checked[]): FileProblem[] {
  const first = new Map<string, string>();
  return checked.flatMap(({ file, runtime }) => {
    if (runtime === undefined) return [];
    const folded = foldServerName(runtime.server.name);
    const other = first.get(folded);
    if (other === undefined) first.set(folded, file);
    const message = `server.name: ${runtime.server.name} is already the name of the server in ${onOneLine(other ?? '')}`;
    return other === undefined ? [] : [{ file, line: 1, message }];
  });
}

/** Legal, and usual where the folder is also for a cluster: `mcp2 up` takes the resource at its word. */
function shadowed(checked: readonly Checked[]): readonly string[] {
  const named = new Map(
    checked.flatMap(({ file, resources }) =>
      resources.map((resource) => [foldServerName(serverNameOf(resource)), file] as const),
    ),
  );
  return checked.flatMap(({ file, runtime }) => {
    const other = runtime && named.get(foldServerName(runtime.server.name));
    if (runtime === undefined || other === undefined) return [];
    return `${onOneLine(file)}: ${onOneLine(other)} has an Mcp2Server ${runtime.server.name}; "mcp2 up" takes its address and not that of this server`;
  });
}

function unreadable(path: string, error: unknown): CommandFailed {
  return new CommandFailed(`${onOneLine(path)} cannot be read: ${whyUnreadable(error)}`, { cause: error });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
