/** `mcp2 token inspect`: what a token says, whether it holds, and when it ends. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { Clock } from '#lib/clock.ts';
import { onOneLine } from '#lib/printable.ts';
import { createKeyFileSource } from '#lib/token/key-file.ts';
import { createTokenVerifier, type TokenVerifier } from '#lib/token/verify.ts';
import { CommandFailed, usageError } from '../failure.ts';
import { locateState } from '../state/folder.ts';
import { readIssuer } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { stateOption } from '../text/arguments.ts';
import { whyUnreadable } from '../text/input.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';
import { formatReport, reportToken } from '../token-report.ts';

interface InspectOptions {
  readonly jwks?: string;
  readonly issuer?: string;
  readonly output: Output;
  readonly state?: string;
}

const EXAMPLES = `
Examples:
  mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read | mcp2 token inspect
  mcp2 token inspect - < token
  mcp2 token inspect --jwks jwks.json --issuer mcp2:prod < token

The signature is checked against the keys of "mcp2 up", or those in --jwks; without either only the claims are shown.`;

/** Larger input is no token. */
const MAX_INPUT_CHARACTERS = 64 * 1024;

export function tokenInspectCommand(terminal: Terminal): Command {
  return new Command('inspect')
    .summary('show what a token says and whether it holds')
    .description('Show what a token says and whether it holds. Exits with 1 when a server would refuse it.')
    .argument('[token]', 'the token, or - for stdin', '-')
    .option('--jwks <file>', 'public keys of the issuer (default: those of "mcp2 up")')
    .option('--issuer <name>', 'the issuer that they belong to (default: that of "mcp2 up")')
    .addOption(stateOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action((token: string, options: InspectOptions) => inspect(token, options, terminal));
}

async function inspect(argument: string, options: InspectOptions, terminal: Terminal): Promise<void> {
  const text = (argument === '-' ? await terminal.readInput() : argument)?.trim();
  if (text === undefined || text === '') throw usageError('no token: name one, or pipe it into the command');
  if (text.length > MAX_INPUT_CHARACTERS) throw new CommandFailed('this is far longer than a token');
  const nowMs = terminal.clock.nowMs();
  const report = await reportToken(text, await createVerifier(options, terminal), nowMs);
  printAs(terminal, options.output, report, () => {
    for (const line of formatReport(report, nowMs)) terminal.print(line);
  });
  if (report.signature === 'unchecked') terminal.note('The signature was not checked: name the keys with --jwks FILE.');
  if (!report.isUsable) throw new CommandFailed(`a server refuses this token: ${report.problems[0]}`);
}

async function createVerifier(options: InspectOptions, terminal: Terminal): Promise<TokenVerifier | undefined> {
  const state = locateState(options.state, terminal);
  const path = options.jwks ?? state.jwks;
  if (options.jwks === undefined && !existsSync(path)) return undefined;
  return verifierOf(path, options.issuer ?? readIssuer(state), terminal.clock);
}

async function verifierOf(path: string, iss: string, clock: Clock): Promise<TokenVerifier> {
  const keys = createKeyFileSource({ path, clock });
  try {
    await keys.refresh();
  } catch (error) {
    throw new CommandFailed(`the keys in ${onOneLine(path)} cannot be read: ${whyUnreadable(error)}`, { cause: error });
  }
  return createTokenVerifier({ issuers: [{ iss, keys }], clock });
}
