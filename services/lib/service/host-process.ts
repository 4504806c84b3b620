/** The process as main.ts hands it over, and how one ends that failed. Nothing else in lib touches the process. */
import type { Environment } from '../config/env-reader.ts';
import { describeFailure } from '../user-error.ts';
import type { ProcessEvents } from './shutdown.ts';

/** What is used of Node's `process`. */
export interface HostProcess extends ProcessEvents {
  readonly env: Environment;
  readonly stderr: { write(text: string): unknown };
  exit(code: number): void;
}

/** An error that is for people (UserError) is a sentence; of any other the stack is wanted too. */
export function endFailed(host: Pick<HostProcess, 'stderr' | 'exit'>, name: string, error: unknown): void {
  host.stderr.write(`mcp2 ${name}: ${describeFailure(error)}\n`);
  host.exit(1);
}
