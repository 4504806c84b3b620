/**
 * The metrics that an expression asks for, as Prometheus' own parser sees them: promtool marks every selector with a
 * label, and a metric is the word before a selector with the mark.
 */
import { runCommand } from '../../cluster/run-command.ts';

const MARK = 'queried';

/** Sorted, each once. @throws Error with what promtool says of a bad expression. */
export async function queriedMetrics(promtool: string, expression: string): Promise<readonly string[]> {
  const args = ['--experimental', 'promql', 'label-matchers', 'set', expression, MARK, 'yes'];
  const marked = await runCommand(promtool, args);
  const names = [
    ...marked.matchAll(new RegExp(`([a-zA-Z_:][\\w:]*)\\{(?:[^{}"]|"(?:[^"\\\\]|\\\\.)*")*?${MARK}="yes"`, 'g')),
  ];
  return [...new Set(names.map(([, name = '']) => name))].sort();
}
