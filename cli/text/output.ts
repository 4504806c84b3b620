/** `--output`: a table for people, JSON and YAML for programs. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import type { Terminal } from '../terminal.ts';

export const OUTPUTS = ['table', 'json', 'yaml'] as const;
export type Output = (typeof OUTPUTS)[number];

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(OUTPUTS).default('table');
}

/** @param table Only called when it is wanted; prints by itself. */
export function printAs(terminal: Terminal, output: Output, value: unknown, table: () => void): void {
  if (output === 'table') table();
  else if (output === 'json') terminal.print(JSON.stringify(value, null, 2));
  else terminal.print(stringify(value).trimEnd());
}
