// Original file: protos/mcp2/context_tool.proto

/**
 * Whether an answer is final.
 */
export const ResultStatus = {
  RESULT_STATUS_COMPLETE: 0,
  /**
   * Ask again with the answers to input_requests.
   */
  RESULT_STATUS_INPUT_REQUIRED: 1,
} as const;

/**
 * Whether an answer is final.
 */
export type ResultStatus =
  | 'RESULT_STATUS_COMPLETE'
  | 0
  /**
   * Ask again with the answers to input_requests.
   */
  | 'RESULT_STATUS_INPUT_REQUIRED'
  | 1

/**
 * Whether an answer is final.
 */
export type ResultStatus__Output = typeof ResultStatus[keyof typeof ResultStatus]
