/** `mcp2 completion SHELL`: a script that completes commands, options, values and server names. */
import { Argument, Command } from 'commander';
import { candidatesFor } from '../completion/candidates.ts';
import { SHELLS, type Shell, scriptFor, wordsOf } from '../completion/scripts.ts';
import { knownServerNames } from '../lookup/authority.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  source <(mcp2 completion bash)          # in this shell; in ~/.bashrc for every one
  source <(mcp2 completion zsh)           # in ~/.zshrc
  mcp2 completion fish | source           # in ~/.config/fish/config.fish`;

export function completionCommand(terminal: Terminal): Command {
  return new Command('completion')
    .summary('complete commands in bash, zsh or fish')
    .description('Print a script that completes commands, options and names of servers.')
    .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => terminal.print(scriptFor(shell)));
}

/** What the scripts call at each tab. */
export function completeCommand(program: Command, terminal: Terminal): Command {
  return new Command('complete')
    .description('Print what may stand at the end of a command line.')
    .argument('[words...]')
    .option('--described', 'with descriptions behind a tab')
    .allowExcessArguments()
    .action((words: string[], { described = false }: { readonly described?: boolean }) => {
      const { COMP_LINE: line, COMP_POINT: point } = terminal.env;
      const typed = line === undefined ? words : wordsOf(line, Number(point ?? line.length * 4)).slice(1);
      for (const { word, description } of candidatesFor(program, typed, () => serverNames(terminal))) {
        terminal.print(described && description !== '' ? `${word}\t${description}` : word);
      }
    });
}

/** A tab is no place for an error. */
function serverNames(terminal: Terminal): readonly string[] {
  try {
    return knownServerNames(locateState(undefined, terminal));
  } catch {
    return [];
  }
}
