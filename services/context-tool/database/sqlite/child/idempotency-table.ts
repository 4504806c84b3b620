/** Where the answers of calls with an idempotency key are kept; docs/context-tool.md names it. */
export const IDEMPOTENCY_TABLE = 'mcp2_idempotency';
