import { Argument, Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { candidatesFor } from './candidates.ts';
import { wordsOf } from './scripts.ts';

const program = new Command('mcp2');
const output = () => new Option('-o, --output <format>', 'how').choices(['table', 'json']);
program.command('call').argument('<tool>').option('--server <name>', 'which').option('--plaintext').addOption(output());
program.command('describe').argument('<server>').addOption(new Option('--secret').hideHelp());
program
  .command('get')
  .addArgument(new Argument('<kind>').choices(['servers', 'm2s']))
  .argument('[name]');
program.command('complete', { hidden: true });
const token = program.command('token');
token.command('mint').option('--aud <names>', 'whom');
token.command('inspect').addArgument(new Argument('<what...>').choices(['a', 'b']));

const complete = (...words: string[]) =>
  candidatesFor(program, words, () => ['Db_One', 'Pricing']).map(({ word }) => word);

test.each<[readonly string[], readonly string[]]>([
  [[''], ['call', 'describe', 'get', 'token', 'help']],
  [['c'], ['call']],
  [
    ['token', ''],
    ['mint', 'inspect', 'help'],
  ],
  [
    ['call', '--'],
    ['--server', '--plaintext', '--output', '--help'],
  ],
  [
    ['call', '-o', ''],
    ['table', 'json'],
  ],
  [['call', '--output', 'j'], ['json']],
  [
    ['call', 'draw', '--server', ''],
    ['Db_One', 'Pricing'],
  ],
  [['call', '--server', 'Db_One', ''], []],
  [['call', '--plaintext', ''], []],
  [['describe', 'P'], ['Pricing']],
  [['describe', 'Pricing', ''], []],
  [['describe', '--s'], []],
  [
    ['get', ''],
    ['servers', 'm2s'],
  ],
  [['get', 'm2s', ''], []],
  [['token', 'mint', '--aud', 'D'], ['Db_One']],
  [
    ['token', 'inspect', 'a', ''],
    ['a', 'b'],
  ],
  [['nothing', ''], []],
  [[], ['call', 'describe', 'get', 'token', 'help']],
])('%j is completed by %j', (words, expected) => {
  expect(complete(...words)).toEqual(expected);
});

test.each([
  ['mcp2 ', 5, ['mcp2', '']],
  ['mcp2 call dr', 12, ['mcp2', 'call', 'dr']],
  ['mcp2 call draw', 9, ['mcp2', 'call']],
  [
    `mcp2 call --arg 'a b=c' --json "{\\"x\\": 1}" x`,
    99,
    ['mcp2', 'call', '--arg', 'a b=c', '--json', '{"x": 1}', 'x'],
  ],
  ['mcp2 call "unfinished wor', 99, ['mcp2', 'call', 'unfinished wor']],
  ['mcp2 é x', 8, ['mcp2', 'é', '']],
  ['', 0, []],
])('the line %j up to %i is %j', (line, point, words) => {
  expect(wordsOf(line, point)).toEqual(words);
});
