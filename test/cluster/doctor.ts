/**
 * `npm run doctor`: prints what this machine lacks and the line that installs it. Started by doctor.mjs, which an
 * older Node can read too.
 */

import { parseArgs } from 'node:util';
import { type Check, runChecks } from './doctor-checks.ts';

/** @returns The exit code: 1 when something that `npm test` needs is missing, 2 for wrong arguments. */
export async function doctor(args: readonly string[], print: (text: string) => void): Promise<number> {
  const output = readOutput(args);
  if (output === undefined) {
    print('usage: npm run doctor [-- --output json]');
    return 2;
  }
  const { env, platform } = process;
  const checks = await runChecks({ env, platform, nodeVersion: process.versions.node });
  const ok = checks.every(({ state }) => state !== 'missing');
  print(output === 'json' ? JSON.stringify({ ok, checks }, undefined, 2) : formatChecks(checks));
  return ok ? 0 : 1;
}

/** One line a check, and under what is absent the line to type. */
export function formatChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, found, for: purpose, install }) => {
    const line = `${state.padEnd(8)} ${name.padEnd(width)}  ${found}`;
    return install === undefined ? [line] : [line, `${' '.repeat(9)}needed for ${purpose}; install: ${install}`];
  });
  const missing = checks.filter(({ state }) => state === 'missing').map(({ name }) => name);
  const verdict =
    missing.length === 0 ? 'npm test can run.' : `npm test cannot run before this is there: ${missing.join(', ')}.`;
  return [...lines, '', verdict].join('\n');
}

function readOutput(args: readonly string[]): 'text' | 'json' | undefined {
  try {
    const { output } = parseArgs({ args: [...args], options: { output: { type: 'string', default: 'text' } } }).values;
    return output === 'text' || output === 'json' ? output : undefined;
  } catch {
    return undefined;
  }
}
