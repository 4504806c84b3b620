/**
 * How long each test file took, in a file that several runs add to, so that the gate can name the slowest of all of
 * its steps. Each project's global setup; does nothing unless MCP2_TEST_FILE_TIMES names the file.
 *
 * A global setup and not a reporter, because a reporter that is asked for on the command line takes the place of those
 * in the configuration.
 */

import { appendFileSync } from 'node:fs';
import type { TestProject } from 'vitest/node';

/** @returns The teardown, when there is a file to write. */
export function setup(project: TestProject): (() => void) | undefined {
  const file = process.env.MCP2_TEST_FILE_TIMES;
  if (file === undefined || file === '') return undefined;
  return () => appendFileSync(file, timesOf(project).join(''));
}

/** "12.3 integration test/integration/a.test.ts", seconds of its import, hooks and tests. */
function timesOf(project: TestProject): string[] {
  const modules = project.vitest.state.getTestModules().filter((module) => module.project === project);
  return modules.map((module) => {
    const { collectDuration, setupDuration, duration } = module.diagnostic();
    const seconds = ((collectDuration + setupDuration + duration) / 1000).toFixed(1);
    return `${seconds} ${project.name} ${module.relativeModuleId}\n`;
  });
}
