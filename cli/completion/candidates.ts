/** What may stand at the end of a command line that somebody is typing, from commander's own tree. Pure but for `servers`. */
import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly word: string;
  /** '' for none. */
  readonly description: string;
}

/** Where a name of a server is wanted: options by their long names, arguments by their own. */
const SERVER_OPTIONS: readonly string[] = ['--server', '--server-name', '--aud', '--audience'];
const SERVER_ARGUMENT = 'server';
/** Words that may stand where anything else may too. */
const USUAL_WORDS: Readonly<Record<string, readonly string[]>> = { '--from': ['beginning', 'new', 'last'] };

/** @param words Behind the program's name; the last is what is being typed, '' for nothing yet. */
export function candidatesFor(
  program: Command,
  words: readonly string[],
  servers: () => readonly string[],
): readonly Candidate[] {
  const typed = words.at(-1) ?? '';
  const { command, rest } = descend(program, words.slice(0, -1));
  const waiting = optionWaiting(command, words.at(-2));
  const all = waiting !== undefined ? valuesOf(waiting, servers) : plainWords(command, { rest, typed }, servers);
  return all.filter(({ word }) => word.startsWith(typed));
}

/** The command that the words name, and those that are its arguments. */
function descend(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } {
  let command = program;
  let rest: string[] = [];
  for (const [index, word] of words.entries()) {
    const inner = rest.length === 0 ? command.commands.find((each) => each.name() === word) : undefined;
    if (inner !== undefined) command = inner;
    else if (!word.startsWith('-') && optionWaiting(command, words[index - 1]) === undefined) rest = [...rest, word];
  }
  return { command, rest };
}

/** The option that the next word is the value of. */
function optionWaiting(command: Command, word: string | undefined): Option | undefined {
  if (word === undefined || !word.startsWith('-')) return undefined;
  const option = visibleOptions(command).find(({ long, short }) => word === long || word === short);
  return option?.required === true || option?.optional === true ? option : undefined;
}

interface Typing {
  /** Arguments that are there already. */
  readonly rest: readonly string[];
  readonly typed: string;
}

function plainWords(command: Command, { rest, typed }: Typing, servers: () => readonly string[]): readonly Candidate[] {
  if (typed.startsWith('-')) {
    return visibleOptions(command).flatMap(({ long, description }) => (long ? [{ word: long, description }] : []));
  }
  const commands = command.createHelp().visibleCommands(command);
  const names = rest.length > 0 ? [] : commands.map((each) => ({ word: each.name(), description: each.summary() }));
  const argument = command.registeredArguments[rest.length] ?? lastOf(command);
  return [...names, ...(argument === undefined ? [] : valuesOfArgument(argument, servers))];
}

function lastOf({ registeredArguments }: Command): Argument | undefined {
  const last = registeredArguments.at(-1);
  return last?.variadic === true ? last : undefined;
}

function valuesOf({ long, argChoices = [] }: Option, servers: () => readonly string[]): readonly Candidate[] {
  if (long !== undefined && SERVER_OPTIONS.includes(long)) return servers().map(plain);
  return (argChoices.length > 0 ? argChoices : (USUAL_WORDS[long ?? ''] ?? [])).map(plain);
}

function valuesOfArgument(argument: Argument, servers: () => readonly string[]): readonly Candidate[] {
  return argument.name() === SERVER_ARGUMENT ? servers().map(plain) : (argument.argChoices ?? []).map(plain);
}

function visibleOptions(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function plain(word: string): Candidate {
  return { word, description: '' };
}
