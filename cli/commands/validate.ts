/** `mcp2 validate FILE…`: the schema and the rules of the API server, with file and line, without starting anything. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { compileCapability } from '#lib/capability/capability.ts';
import { capabilityProblem } from '#lib/capability/problem.ts';
import { keyOf } from '#lib/kube/object.ts';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser, type Mcp2Server, type ParseMcp2Server } from '../../operator/server/resource.ts';
import { type FileProblem, formatProblem, readResources } from '../../operator/source/resource-file.ts';
import { readDefinition } from '../definition.ts';
import { CommandFailed } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { whyUnreadable } from '../text/input.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';

interface ValidateOptions {
  readonly output: Output;
}

const EXAMPLES = `
Examples:
  mcp2 validate examples/standalone/inventory.yaml
  mcp2 validate servers/                          every *.yaml and *.yml in the folder
  cat server.yaml | mcp2 validate -

Resources of other kinds in a file are not looked at. An address on this machine (127.0.0.1, localhost) is accepted, as
in the files of "mcp2 up"; a cluster refuses it.`;

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_PROBLEMS = 1000;

export function validateCommand(terminal: Terminal): Command {
  return new Command('validate')
    .summary('check YAML files of servers')
    .description('Check YAML files of Mcp2Server resources. Exits with 1 when something is wrong.')
    .argument('<file...>', 'files, folders, or - for stdin')
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action((paths: string[], options: ValidateOptions) => validate(paths, options, terminal));
}

interface Checked {
  readonly file: string;
  readonly resources: readonly Mcp2Server[];
  readonly problems: readonly FileProblem[];
}

async function validate(paths: readonly string[], { output }: ValidateOptions, terminal: Terminal): Promise<void> {
  const parse = createMcp2ServerParser(readSchema(readDefinition(terminal)));
  const files = paths.flatMap(filesOf);
  const checked: Checked[] = [];
  for (const file of files) checked.push(await check(file, parse, terminal));
  const problems = [...checked.flatMap((one) => one.problems), ...doubles(checked)].slice(0, MAX_PROBLEMS);
  printAs(terminal, output, { valid: problems.length === 0, files: files.length, problems }, () => {
    for (const problem of problems) terminal.print(formatProblem(problem));
    for (const { file, resources } of checked) {
      if (!problems.some((problem) => problem.file === file))
        terminal.print(`${file}: ${count(resources.length, 'server')}, valid`);
    }
  });
  for (const { file, resources } of checked)
    for (const text of resources.flatMap(remarks)) terminal.note(`${file}: ${text}`);
  if (problems.length > 0) throw new CommandFailed(`${count(problems.length, 'problem')} found`);
}

/** Legal, but hardly meant: Discovery takes any capability, a token only those of known namespaces. */
function remarks({ metadata, spec }: Mcp2Server): readonly string[] {
  return (spec.capabilities ?? []).flatMap(({ name }) => {
    const problem = compileCapability(name) === undefined ? capabilityProblem(name) : undefined;
    return problem === undefined ? [] : [`${metadata.name}: no token can grant this capability: ${problem}`];
  });
}

/** A folder stands for the files that `mcp2 up` would read in it. */
function filesOf(path: string): readonly string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'));
    if (names.length === 0)
      throw new CommandFailed(`${path} holds no *.yaml or *.yml file; folders inside it are not looked at`);
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    throw error instanceof CommandFailed ? error : unreadable(path, error);
  }
}

async function check(path: string, parse: ParseMcp2Server, terminal: Terminal): Promise<Checked> {
  const file = path === '-' ? 'stdin' : path;
  const { ok: resources = [], problems = [] } = readResources(file, await readText(path, terminal), parse, {
    skipOtherKinds: true,
  });
  return { file, resources, problems };
}

async function readText(path: string, { readInput }: Terminal): Promise<string> {
  if (path === '-') return (await readInput()) ?? '';
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB');
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Two definitions of one resource: `mcp2 up` would take the first one only. */
function doubles(checked: readonly Checked[]): FileProblem[] {
  const first = new Map<string, string>();
  return checked.flatMap(({ file, resources }) =>
    resources.flatMap((resource) => {
      const key = keyOf(resource);
      const other = first.get(key);
      if (other === undefined) first.set(key, file);
      return other === undefined ? [] : [{ file, line: 1, message: `${key} is already defined in ${other}` }];
    }),
  );
}

function unreadable(path: string, error: unknown): CommandFailed {
  return new CommandFailed(`${path} cannot be read: ${whyUnreadable(error)}`, { cause: error });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
