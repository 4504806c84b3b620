// Original file: protos/mcp2/context_tool.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ContextRequest as _mcp2_ContextRequest, ContextRequest__Output as _mcp2_ContextRequest__Output } from '../mcp2/ContextRequest.ts';
import type { ContextResponse as _mcp2_ContextResponse, ContextResponse__Output as _mcp2_ContextResponse__Output } from '../mcp2/ContextResponse.ts';
import type { MultiModalFrame as _mcp2_MultiModalFrame, MultiModalFrame__Output as _mcp2_MultiModalFrame__Output } from '../mcp2/MultiModalFrame.ts';
import type { TelemetryFrame as _mcp2_TelemetryFrame, TelemetryFrame__Output as _mcp2_TelemetryFrame__Output } from '../mcp2/TelemetryFrame.ts';
import type { TelemetryPublish as _mcp2_TelemetryPublish, TelemetryPublish__Output as _mcp2_TelemetryPublish__Output } from '../mcp2/TelemetryPublish.ts';
import type { TelemetryPublished as _mcp2_TelemetryPublished, TelemetryPublished__Output as _mcp2_TelemetryPublished__Output } from '../mcp2/TelemetryPublished.ts';
import type { TelemetryRequest as _mcp2_TelemetryRequest, TelemetryRequest__Output as _mcp2_TelemetryRequest__Output } from '../mcp2/TelemetryRequest.ts';
import type { ToolCallEvent as _mcp2_ToolCallEvent, ToolCallEvent__Output as _mcp2_ToolCallEvent__Output } from '../mcp2/ToolCallEvent.ts';
import type { ToolCallFrame as _mcp2_ToolCallFrame, ToolCallFrame__Output as _mcp2_ToolCallFrame__Output } from '../mcp2/ToolCallFrame.ts';
import type { ToolRequest as _mcp2_ToolRequest, ToolRequest__Output as _mcp2_ToolRequest__Output } from '../mcp2/ToolRequest.ts';
import type { ToolResponse as _mcp2_ToolResponse, ToolResponse__Output as _mcp2_ToolResponse__Output } from '../mcp2/ToolResponse.ts';
import type { UploadChunk as _mcp2_UploadChunk, UploadChunk__Output as _mcp2_UploadChunk__Output } from '../mcp2/UploadChunk.ts';
import type { UploadResult as _mcp2_UploadResult, UploadResult__Output as _mcp2_UploadResult__Output } from '../mcp2/UploadResult.ts';

/**
 * Answered by every server that offers context or tools (audience: its own server name).
 */
export interface ContextToolClient extends grpc.Client {
  /**
   * Runs a tool. Needs `tool:<tool_name>`. Retry only with an idempotency_key.
   * Errors: those of RequestContext but for CONTEXT_UNKNOWN and NOT_ACCEPTABLE; NOT_FOUND TOOL_UNKNOWN; FAILED_PRECONDITION
   * SCHEMA_CHANGED when schema_hash no longer holds; ALREADY_EXISTS IDEMPOTENCY_CONFLICT when the key was used with other
   * arguments; UNKNOWN OUTCOME_UNKNOWN when the tool may have run. A tool that ran and failed is not an error: success is
   * false and error_code says why.
   */
  InvokeTool(argument: _mcp2_ToolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  InvokeTool(argument: _mcp2_ToolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  InvokeTool(argument: _mcp2_ToolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  InvokeTool(argument: _mcp2_ToolRequest, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Runs a tool. Needs `tool:<tool_name>`. Retry only with an idempotency_key.
   * Errors: those of RequestContext but for CONTEXT_UNKNOWN and NOT_ACCEPTABLE; NOT_FOUND TOOL_UNKNOWN; FAILED_PRECONDITION
   * SCHEMA_CHANGED when schema_hash no longer holds; ALREADY_EXISTS IDEMPOTENCY_CONFLICT when the key was used with other
   * arguments; UNKNOWN OUTCOME_UNKNOWN when the tool may have run. A tool that ran and failed is not an error: success is
   * false and error_code says why.
   */
  invokeTool(argument: _mcp2_ToolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  invokeTool(argument: _mcp2_ToolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  invokeTool(argument: _mcp2_ToolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  invokeTool(argument: _mcp2_ToolRequest, callback: grpc.requestCallback<_mcp2_ToolResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Runs a tool that talks while it works: progress, log lines, questions, partial results. The first frame is `request`,
   * and only there; exactly one `result` comes, last. A caller that half-closes while a question is open declines it.
   * Needs `tool:<tool_name>`; a grant of ContextTool.InvokeTool covers it. Errors: those of InvokeTool.
   */
  InvokeToolStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_ToolCallFrame, _mcp2_ToolCallEvent__Output>;
  InvokeToolStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_ToolCallFrame, _mcp2_ToolCallEvent__Output>;
  /**
   * Runs a tool that talks while it works: progress, log lines, questions, partial results. The first frame is `request`,
   * and only there; exactly one `result` comes, last. A caller that half-closes while a question is open declines it.
   * Needs `tool:<tool_name>`; a grant of ContextTool.InvokeTool covers it. Errors: those of InvokeTool.
   */
  invokeToolStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_ToolCallFrame, _mcp2_ToolCallEvent__Output>;
  invokeToolStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_ToolCallFrame, _mcp2_ToolCallEvent__Output>;
  
  /**
   * Exchanges mixed media both ways. Needs `tool:multimodal_exchange` or `tool:multimodal_exchange:<session_kind>`.
   * StreamOpen first, or the token in metadata `capability_token`. A frame is at most 1 MiB.
   */
  MultiModalExchange(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_MultiModalFrame, _mcp2_MultiModalFrame__Output>;
  MultiModalExchange(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_MultiModalFrame, _mcp2_MultiModalFrame__Output>;
  /**
   * Exchanges mixed media both ways. Needs `tool:multimodal_exchange` or `tool:multimodal_exchange:<session_kind>`.
   * StreamOpen first, or the token in metadata `capability_token`. A frame is at most 1 MiB.
   */
  multiModalExchange(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_MultiModalFrame, _mcp2_MultiModalFrame__Output>;
  multiModalExchange(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_MultiModalFrame, _mcp2_MultiModalFrame__Output>;
  
  /**
   * Frames of one stream from the caller, TelemetryHeader first. Needs `telemetry:write:<stream_id>`.
   * Errors: NOT_FOUND STREAM_UNKNOWN; ALREADY_EXISTS STREAM_TAKEN while another publishes to it.
   */
  PublishTelemetry(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  PublishTelemetry(metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  PublishTelemetry(options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  PublishTelemetry(callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  /**
   * Frames of one stream from the caller, TelemetryHeader first. Needs `telemetry:write:<stream_id>`.
   * Errors: NOT_FOUND STREAM_UNKNOWN; ALREADY_EXISTS STREAM_TAKEN while another publishes to it.
   */
  publishTelemetry(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  publishTelemetry(metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  publishTelemetry(options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  publishTelemetry(callback: grpc.requestCallback<_mcp2_TelemetryPublished__Output>): grpc.ClientWritableStream<_mcp2_TelemetryPublish>;
  
  /**
   * Reads one piece of context. Needs `db:<first segment of the key>:read` or `context:read:<key>`.
   * Errors: NOT_FOUND CONTEXT_UNKNOWN; INVALID_ARGUMENT NAME_INVALID for a key outside the grammar, ARGUMENT_INVALID
   * (metadata `path`), NOT_ACCEPTABLE; PERMISSION_DENIED CAPABILITY_DENIED, also when a grant does not allow a parameter;
   * RESOURCE_EXHAUSTED LIMIT_EXCEEDED, RATE_LIMITED, POOL_FULL, QUEUE_FULL; FAILED_PRECONDITION BACKEND_REFUSED; UNAVAILABLE
   * BACKEND_UNAVAILABLE; DEADLINE_EXCEEDED STATEMENT_TIMEOUT, MODULE_TIMEOUT; INTERNAL MODULE_FAILED. Safe to retry.
   */
  RequestContext(argument: _mcp2_ContextRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  RequestContext(argument: _mcp2_ContextRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  RequestContext(argument: _mcp2_ContextRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  RequestContext(argument: _mcp2_ContextRequest, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Reads one piece of context. Needs `db:<first segment of the key>:read` or `context:read:<key>`.
   * Errors: NOT_FOUND CONTEXT_UNKNOWN; INVALID_ARGUMENT NAME_INVALID for a key outside the grammar, ARGUMENT_INVALID
   * (metadata `path`), NOT_ACCEPTABLE; PERMISSION_DENIED CAPABILITY_DENIED, also when a grant does not allow a parameter;
   * RESOURCE_EXHAUSTED LIMIT_EXCEEDED, RATE_LIMITED, POOL_FULL, QUEUE_FULL; FAILED_PRECONDITION BACKEND_REFUSED; UNAVAILABLE
   * BACKEND_UNAVAILABLE; DEADLINE_EXCEEDED STATEMENT_TIMEOUT, MODULE_TIMEOUT; INTERNAL MODULE_FAILED. Safe to retry.
   */
  requestContext(argument: _mcp2_ContextRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  requestContext(argument: _mcp2_ContextRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  requestContext(argument: _mcp2_ContextRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  requestContext(argument: _mcp2_ContextRequest, callback: grpc.requestCallback<_mcp2_ContextResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Frames of one stream as they arise. Needs `telemetry:read` or `telemetry:read:<stream_id>`. Newest wins: a reader that
   * falls behind loses the oldest frames and is told how many (`dropped`).
   */
  SubscribeTelemetry(argument: _mcp2_TelemetryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_TelemetryFrame__Output>;
  SubscribeTelemetry(argument: _mcp2_TelemetryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_TelemetryFrame__Output>;
  /**
   * Frames of one stream as they arise. Needs `telemetry:read` or `telemetry:read:<stream_id>`. Newest wins: a reader that
   * falls behind loses the oldest frames and is told how many (`dropped`).
   */
  subscribeTelemetry(argument: _mcp2_TelemetryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_TelemetryFrame__Output>;
  subscribeTelemetry(argument: _mcp2_TelemetryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_TelemetryFrame__Output>;
  
  /**
   * Writes one piece of context. UploadHeader first, then data; nothing is visible before the whole has arrived. Needs
   * `db:<first segment of the key>:write` or `context:write:<key>`.
   * Errors: OUT_OF_RANGE for bytes beyond total_bytes; DATA_LOSS when the digest differs; ABORTED when if_match does not
   * hold.
   */
  UploadContext(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  UploadContext(metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  UploadContext(options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  UploadContext(callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  /**
   * Writes one piece of context. UploadHeader first, then data; nothing is visible before the whole has arrived. Needs
   * `db:<first segment of the key>:write` or `context:write:<key>`.
   * Errors: OUT_OF_RANGE for bytes beyond total_bytes; DATA_LOSS when the digest differs; ABORTED when if_match does not
   * hold.
   */
  uploadContext(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  uploadContext(metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  uploadContext(options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  uploadContext(callback: grpc.requestCallback<_mcp2_UploadResult__Output>): grpc.ClientWritableStream<_mcp2_UploadChunk>;
  
}

/**
 * Answered by every server that offers context or tools (audience: its own server name).
 */
export interface ContextToolHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Runs a tool. Needs `tool:<tool_name>`. Retry only with an idempotency_key.
   * Errors: those of RequestContext but for CONTEXT_UNKNOWN and NOT_ACCEPTABLE; NOT_FOUND TOOL_UNKNOWN; FAILED_PRECONDITION
   * SCHEMA_CHANGED when schema_hash no longer holds; ALREADY_EXISTS IDEMPOTENCY_CONFLICT when the key was used with other
   * arguments; UNKNOWN OUTCOME_UNKNOWN when the tool may have run. A tool that ran and failed is not an error: success is
   * false and error_code says why.
   */
  InvokeTool: grpc.handleUnaryCall<_mcp2_ToolRequest__Output, _mcp2_ToolResponse>;
  
  /**
   * Runs a tool that talks while it works: progress, log lines, questions, partial results. The first frame is `request`,
   * and only there; exactly one `result` comes, last. A caller that half-closes while a question is open declines it.
   * Needs `tool:<tool_name>`; a grant of ContextTool.InvokeTool covers it. Errors: those of InvokeTool.
   */
  InvokeToolStream: grpc.handleBidiStreamingCall<_mcp2_ToolCallFrame__Output, _mcp2_ToolCallEvent>;
  
  /**
   * Exchanges mixed media both ways. Needs `tool:multimodal_exchange` or `tool:multimodal_exchange:<session_kind>`.
   * StreamOpen first, or the token in metadata `capability_token`. A frame is at most 1 MiB.
   */
  MultiModalExchange: grpc.handleBidiStreamingCall<_mcp2_MultiModalFrame__Output, _mcp2_MultiModalFrame>;
  
  /**
   * Frames of one stream from the caller, TelemetryHeader first. Needs `telemetry:write:<stream_id>`.
   * Errors: NOT_FOUND STREAM_UNKNOWN; ALREADY_EXISTS STREAM_TAKEN while another publishes to it.
   */
  PublishTelemetry: grpc.handleClientStreamingCall<_mcp2_TelemetryPublish__Output, _mcp2_TelemetryPublished>;
  
  /**
   * Reads one piece of context. Needs `db:<first segment of the key>:read` or `context:read:<key>`.
   * Errors: NOT_FOUND CONTEXT_UNKNOWN; INVALID_ARGUMENT NAME_INVALID for a key outside the grammar, ARGUMENT_INVALID
   * (metadata `path`), NOT_ACCEPTABLE; PERMISSION_DENIED CAPABILITY_DENIED, also when a grant does not allow a parameter;
   * RESOURCE_EXHAUSTED LIMIT_EXCEEDED, RATE_LIMITED, POOL_FULL, QUEUE_FULL; FAILED_PRECONDITION BACKEND_REFUSED; UNAVAILABLE
   * BACKEND_UNAVAILABLE; DEADLINE_EXCEEDED STATEMENT_TIMEOUT, MODULE_TIMEOUT; INTERNAL MODULE_FAILED. Safe to retry.
   */
  RequestContext: grpc.handleUnaryCall<_mcp2_ContextRequest__Output, _mcp2_ContextResponse>;
  
  /**
   * Frames of one stream as they arise. Needs `telemetry:read` or `telemetry:read:<stream_id>`. Newest wins: a reader that
   * falls behind loses the oldest frames and is told how many (`dropped`).
   */
  SubscribeTelemetry: grpc.handleServerStreamingCall<_mcp2_TelemetryRequest__Output, _mcp2_TelemetryFrame>;
  
  /**
   * Writes one piece of context. UploadHeader first, then data; nothing is visible before the whole has arrived. Needs
   * `db:<first segment of the key>:write` or `context:write:<key>`.
   * Errors: OUT_OF_RANGE for bytes beyond total_bytes; DATA_LOSS when the digest differs; ABORTED when if_match does not
   * hold.
   */
  UploadContext: grpc.handleClientStreamingCall<_mcp2_UploadChunk__Output, _mcp2_UploadResult>;
  
}

export interface ContextToolDefinition extends grpc.ServiceDefinition {
  InvokeTool: MethodDefinition<_mcp2_ToolRequest, _mcp2_ToolResponse, _mcp2_ToolRequest__Output, _mcp2_ToolResponse__Output>
  InvokeToolStream: MethodDefinition<_mcp2_ToolCallFrame, _mcp2_ToolCallEvent, _mcp2_ToolCallFrame__Output, _mcp2_ToolCallEvent__Output>
  MultiModalExchange: MethodDefinition<_mcp2_MultiModalFrame, _mcp2_MultiModalFrame, _mcp2_MultiModalFrame__Output, _mcp2_MultiModalFrame__Output>
  PublishTelemetry: MethodDefinition<_mcp2_TelemetryPublish, _mcp2_TelemetryPublished, _mcp2_TelemetryPublish__Output, _mcp2_TelemetryPublished__Output>
  RequestContext: MethodDefinition<_mcp2_ContextRequest, _mcp2_ContextResponse, _mcp2_ContextRequest__Output, _mcp2_ContextResponse__Output>
  SubscribeTelemetry: MethodDefinition<_mcp2_TelemetryRequest, _mcp2_TelemetryFrame, _mcp2_TelemetryRequest__Output, _mcp2_TelemetryFrame__Output>
  UploadContext: MethodDefinition<_mcp2_UploadChunk, _mcp2_UploadResult, _mcp2_UploadChunk__Output, _mcp2_UploadResult__Output>
}
