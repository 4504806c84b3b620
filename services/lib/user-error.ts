/**
 * An error that is for people: its message says all there is to know, and what to do. Whoever ends on one prints that
 * message alone; any other error is a defect of ours, and its stack is printed too.
 *
 * By class and not by name: a name is a string that nobody checks.
 */
export class UserError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
  }
}

const MAX_CAUSES = 5;

/** What is printed when nothing more can be done: a sentence, or the stacks of the error and of what caused it. */
export function describeFailure(error: unknown): string {
  return error instanceof UserError ? error.message : describeStack(error);
}

export function describeStack(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? String(error);
  if (error.cause === undefined || depth >= MAX_CAUSES) return text;
  return `${text}\ncaused by ${describeStack(error.cause, depth + 1)}`;
}
