/**
 * A tool that ran and failed: an answer, not an error of the call. Not named as the `ToolFailed` of mcp2/server on purpose: a
 * tool that lets the failure of another one escape must not claim it as its own.
 */
export interface ToolFailureFacts {
  readonly tool: string;
  /** Name of the server on which it ran. */
  readonly server: string;
  readonly code: string;
  readonly warnings: readonly string[];
  readonly invocationId: string;
}

export class ToolFailure extends Error {
  readonly tool: string;
  readonly server: string;
  /** Stable, for programs: "SKU_UNKNOWN". */
  readonly code: string;
  /** For people; the first is the message. */
  readonly warnings: readonly string[];
  /** Names the run in the server's logs. */
  readonly invocationId: string;

  constructor({ tool, server, code, warnings, invocationId }: ToolFailureFacts) {
    super(warnings[0] ?? `${tool} failed: ${code}`);
    this.name = 'ToolFailure';
    this.tool = tool;
    this.server = server;
    this.code = code;
    this.warnings = warnings;
    this.invocationId = invocationId;
  }
}
