/** How a tool says that it ran and failed: an answer for the caller, not an error of the server. */

export class ToolFailed extends Error {
  /** Stable, for programs: "OUT_OF_FOOD". At most 128 characters. */
  readonly code: string;

  /** @param message For people. */
  constructor(code: string, message: string) {
    super(message);
    this.name = 'ToolFailed';
    this.code = code;
  }
}

/** By its shape: a tool may come with a copy of this package of its own, or import none. */
export function isToolFailed(error: unknown): error is Pick<ToolFailed, 'code' | 'message'> {
  if (typeof error !== 'object' || error === null) return false;
  const { name, code, message } = error as Readonly<Record<string, unknown>>;
  return name === 'ToolFailed' && typeof code === 'string' && code !== '' && typeof message === 'string';
}
