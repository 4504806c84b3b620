/** A card as people read it: each context and tool with its members, the right that it needs, and a line to try. Pure. */
import { shortOnOneLine } from '#lib/printable.ts';
import { shellWord } from '#lib/shell-word.ts';
import type { Card, CardContext, CardTool } from '#sdk/client/index.ts';
import type { Terminal } from '../terminal.ts';
import { type Member, membersOf, placeholder, typeText } from './schema-text.ts';

type StyleText = Terminal['style'];

const MAX_DESCRIPTION = 400;
const MAX_NAME = 128;

/** @param server As it was asked for. */
export function describeCard(card: Card, server: string, style: StyleText): readonly string[] {
  const title = style('bold', shortOnOneLine(`${card.name || server} ${card.version}`, MAX_NAME));
  const lines = [`${title}   ${style('dim', shortOnOneLine(card.protocol, MAX_NAME))}`];
  if (card.contexts.length > 0) lines.push('', style('bold', 'Contexts'));
  for (const context of card.contexts) lines.push('', ...describeContext(context, server, style));
  if (card.tools.length > 0) lines.push('', style('bold', 'Tools'));
  for (const tool of card.tools) lines.push('', ...describeTool(tool, server, style));
  if (card.contexts.length + card.tools.length === 0) lines.push('', 'Its card lists no contexts and no tools.');
  if (card.capabilities.length > 0) lines.push('', 'A token for all of it:', `  ${mintLine(card, server)}`);
  return lines;
}

function describeContext(context: CardContext, server: string, style: StyleText): readonly string[] {
  const { key, description, parametersSchema, contentType, requiredCapabilities } = context;
  const members = membersOf(parametersSchema);
  const example = key.replace(/\{([^{}]*)\}/g, (_braces, name: string) => placeholder(name));
  const line = `mcp2 context ${word(example)} --server ${word(server)}${pairs('--param', members)}`;
  const type = contentType === undefined ? '' : `   ${style('dim', shortOnOneLine(contentType, MAX_NAME))}`;
  return [
    `  ${style('green', shortOnOneLine(key, 2 * MAX_NAME))}${type}`,
    ...describing(description),
    ...section('parameters', memberLines(members), style),
    ...section('needs', [requiredCapabilities.map((right) => shortOnOneLine(right, 2 * MAX_NAME)).join(' or ')], style),
    ...section('try', [line], style),
  ];
}

function describeTool(tool: CardTool, server: string, style: StyleText): readonly string[] {
  const { name, description, inputSchema, outputSchema, annotations, idempotency, requiredCapability } = tool;
  const members = membersOf(inputSchema);
  const traits = [
    annotations.readOnly ? 'read only' : '',
    annotations.idempotent ? 'may be repeated' : '',
    annotations.destructive ? 'destroys' : '',
    idempotency === 'none' || annotations.idempotent ? '' : `once for each idempotency key (${idempotency})`,
  ].filter((trait) => trait !== '');
  const about = traits.length === 0 ? '' : `   ${style('dim', traits.join(', '))}`;
  const results = aligned(membersOf(outputSchema).map((output) => [output.name, output.type]));
  const given = outputSchema !== undefined && results.length === 0 ? [typeText(outputSchema)] : results;
  return [
    `  ${style('green', shortOnOneLine(name, MAX_NAME))}${about}`,
    ...describing(description),
    ...section('arguments', memberLines(members), style),
    ...section('gives', given, style),
    ...section('needs', [shortOnOneLine(requiredCapability, 2 * MAX_NAME)], style),
    ...section('try', [`mcp2 call ${word(name)} --server ${word(server)}${pairs('--arg', members)}`], style),
  ];
}

function describing(description: string | undefined): readonly string[] {
  return description === undefined || description === '' ? [] : [`    ${shortOnOneLine(description, MAX_DESCRIPTION)}`];
}

function memberLines(members: readonly Member[]): readonly string[] {
  return aligned(
    members.map(({ name, type, isRequired, description }) => {
      const about = [type, ...(isRequired ? ['required'] : [])].join(', ');
      return [name, `${about}${description === '' ? '' : `: ${description}`}`];
    }),
  );
}

function aligned(rows: readonly (readonly [name: string, about: string])[]): readonly string[] {
  const names = rows.map(([name]) => shortOnOneLine(name, MAX_NAME));
  const width = Math.max(0, ...names.map((name) => name.length));
  return rows.map(([, about], index) => `${(names[index] ?? '').padEnd(width)}   ${about}`);
}

/** The title stands on the first line, the others below each other. */
function section(title: string, lines: readonly string[], style: StyleText): readonly string[] {
  return lines
    .filter((line) => line !== '')
    .map((line, index) => `    ${style('dim', (index === 0 ? title : '').padEnd(12))}${line}`);
}

/** Those that a call needs; where none is needed, the first one, to show how. */
function pairs(option: string, members: readonly Member[]): string {
  const required = members.filter(({ isRequired }) => isRequired);
  const shown = required.length > 0 ? required : members.slice(0, 1);
  return shown.map(({ name, example }) => ` ${option} ${word(`${name}=${example}`)}`).join('');
}

/** One right for each context and tool: the first of those that are enough. */
function mintLine({ contexts, tools, capabilities }: Card, server: string): string {
  const needed = [
    ...contexts.flatMap(({ requiredCapabilities: [first] }) => (first === undefined ? [] : [first])),
    ...tools.map(({ requiredCapability }) => requiredCapability),
  ];
  const rights = needed.length > 0 ? [...new Set(needed)] : capabilities;
  return `mcp2 token mint --aud ${word(server)} --capability ${word(rights.join(','))}`;
}

/** Text of others' making in a line that people copy: quoted, and harmless to look at. */
function word(text: string): string {
  return shellWord(shortOnOneLine(text, 4 * MAX_NAME));
}
