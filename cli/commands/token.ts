/** `mcp2 token`: mint and inspect capability tokens. */
import { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { tokenInspectCommand } from './token-inspect.ts';
import { tokenMintCommand } from './token-mint.ts';

export function tokenCommand(terminal: Terminal): Command {
  return new Command('token')
    .summary('mint and inspect capability tokens')
    .description('Mint and inspect capability tokens.')
    .addHelpText('after', '\n"mcp2 token mint --help" and "mcp2 token inspect --help" show examples.')
    .addCommand(tokenMintCommand(terminal))
    .addCommand(tokenInspectCommand(terminal));
}
