/** `--output`: a table for people, JSON and YAML for programs. */
import { Option } from 'commander';
import { Document, visit } from 'yaml';
import { escapeUnseen, hasUnseen } from '#lib/printable.ts';
import type { Terminal } from '../terminal.ts';

export const OUTPUTS = ['table', 'json', 'yaml'] as const;
export type Output = (typeof OUTPUTS)[number];

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(OUTPUTS).default('table');
}

/** @param table Only called when it is wanted; prints by itself. */
export function printAs(terminal: Terminal, output: Output, value: unknown, table: () => void): void {
  if (output === 'table') table();
  else if (output === 'json') terminal.print(escapeUnseen(JSON.stringify(value, null, 2)));
  else terminal.print(toYaml(value));
}

/**
 * No line is folded and no text spans lines: a part of foreign text would stand at the beginning of one, where a CI runner
 * looks for its commands.
 */
function toYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && hasUnseen(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeUnseen(document.toString({ lineWidth: 0, blockQuote: false }).trimEnd());
}
