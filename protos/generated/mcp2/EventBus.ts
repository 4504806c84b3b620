// Original file: protos/mcp2/event_bus.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DeleteSubscriptionRequest as _mcp2_DeleteSubscriptionRequest, DeleteSubscriptionRequest__Output as _mcp2_DeleteSubscriptionRequest__Output } from '../mcp2/DeleteSubscriptionRequest.ts';
import type { DeleteSubscriptionResponse as _mcp2_DeleteSubscriptionResponse, DeleteSubscriptionResponse__Output as _mcp2_DeleteSubscriptionResponse__Output } from '../mcp2/DeleteSubscriptionResponse.ts';
import type { EventAckRequest as _mcp2_EventAckRequest, EventAckRequest__Output as _mcp2_EventAckRequest__Output } from '../mcp2/EventAckRequest.ts';
import type { EventAckResponse as _mcp2_EventAckResponse, EventAckResponse__Output as _mcp2_EventAckResponse__Output } from '../mcp2/EventAckResponse.ts';
import type { EventEnvelope as _mcp2_EventEnvelope, EventEnvelope__Output as _mcp2_EventEnvelope__Output } from '../mcp2/EventEnvelope.ts';
import type { EventPublishAck as _mcp2_EventPublishAck, EventPublishAck__Output as _mcp2_EventPublishAck__Output } from '../mcp2/EventPublishAck.ts';
import type { EventPublishRequest as _mcp2_EventPublishRequest, EventPublishRequest__Output as _mcp2_EventPublishRequest__Output } from '../mcp2/EventPublishRequest.ts';
import type { EventPublishResponse as _mcp2_EventPublishResponse, EventPublishResponse__Output as _mcp2_EventPublishResponse__Output } from '../mcp2/EventPublishResponse.ts';
import type { EventSubscribeRequest as _mcp2_EventSubscribeRequest, EventSubscribeRequest__Output as _mcp2_EventSubscribeRequest__Output } from '../mcp2/EventSubscribeRequest.ts';

/**
 * Answered by the event bus (audience EventBusServer).
 */
export interface EventBusClient extends grpc.Client {
  /**
   * Settles deliveries of a durable subscription with explicit acknowledgement. Needs the right of its filter.
   */
  Ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  Ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  Ack(argument: _mcp2_EventAckRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  Ack(argument: _mcp2_EventAckRequest, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Settles deliveries of a durable subscription with explicit acknowledgement. Needs the right of its filter.
   */
  ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  ack(argument: _mcp2_EventAckRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  ack(argument: _mcp2_EventAckRequest, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Removes a durable subscription of the caller. Idempotent. Needs the right of its filter.
   */
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Removes a durable subscription of the caller. Idempotent. Needs the right of its filter.
   */
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Appends one event; success means that the log holds it durably. Needs `event:publish:<topic>`. Retry only with an
   * event_id.
   * Errors: ALREADY_EXISTS when event_id was used with another payload; ABORTED when expected_last_sequence does not hold;
   * RESOURCE_EXHAUSTED LIMIT_EXCEEDED with google.rpc.RetryInfo.
   */
  Publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  Publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  Publish(argument: _mcp2_EventPublishRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  Publish(argument: _mcp2_EventPublishRequest, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Appends one event; success means that the log holds it durably. Needs `event:publish:<topic>`. Retry only with an
   * event_id.
   * Errors: ALREADY_EXISTS when event_id was used with another payload; ABORTED when expected_last_sequence does not hold;
   * RESOURCE_EXHAUSTED LIMIT_EXCEEDED with google.rpc.RetryInfo.
   */
  publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  publish(argument: _mcp2_EventPublishRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  publish(argument: _mcp2_EventPublishRequest, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Publishes one event after another over one stream, each as Publish would. A request without a token has that of the
   * one before. An error ends its request and not the stream, unless it is about the credential.
   */
  PublishStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  PublishStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  /**
   * Publishes one event after another over one stream, each as Publish would. A request without a token has that of the
   * one before. An error ends its request and not the stream, unless it is about the credential.
   */
  publishStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  publishStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  
  /**
   * Events whose topic matches the filter. Needs `event:subscribe:<P>` with a pattern P that contains the filter;
   * overlapping it is not enough.
   * Errors: OUT_OF_RANGE when the start lies before what is retained; FAILED_PRECONDITION for a cursor of another log, a
   * start in the future or a durable subscription with another filter; ABORTED when a newer stream took the durable
   * subscription over; RESOURCE_EXHAUSTED when the reader took nothing for 60 s.
   */
  Subscribe(argument: _mcp2_EventSubscribeRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_EventEnvelope__Output>;
  Subscribe(argument: _mcp2_EventSubscribeRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_EventEnvelope__Output>;
  /**
   * Events whose topic matches the filter. Needs `event:subscribe:<P>` with a pattern P that contains the filter;
   * overlapping it is not enough.
   * Errors: OUT_OF_RANGE when the start lies before what is retained; FAILED_PRECONDITION for a cursor of another log, a
   * start in the future or a durable subscription with another filter; ABORTED when a newer stream took the durable
   * subscription over; RESOURCE_EXHAUSTED when the reader took nothing for 60 s.
   */
  subscribe(argument: _mcp2_EventSubscribeRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_EventEnvelope__Output>;
  subscribe(argument: _mcp2_EventSubscribeRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_EventEnvelope__Output>;
  
}

/**
 * Answered by the event bus (audience EventBusServer).
 */
export interface EventBusHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Settles deliveries of a durable subscription with explicit acknowledgement. Needs the right of its filter.
   */
  Ack: grpc.handleUnaryCall<_mcp2_EventAckRequest__Output, _mcp2_EventAckResponse>;
  
  /**
   * Removes a durable subscription of the caller. Idempotent. Needs the right of its filter.
   */
  DeleteSubscription: grpc.handleUnaryCall<_mcp2_DeleteSubscriptionRequest__Output, _mcp2_DeleteSubscriptionResponse>;
  
  /**
   * Appends one event; success means that the log holds it durably. Needs `event:publish:<topic>`. Retry only with an
   * event_id.
   * Errors: ALREADY_EXISTS when event_id was used with another payload; ABORTED when expected_last_sequence does not hold;
   * RESOURCE_EXHAUSTED LIMIT_EXCEEDED with google.rpc.RetryInfo.
   */
  Publish: grpc.handleUnaryCall<_mcp2_EventPublishRequest__Output, _mcp2_EventPublishResponse>;
  
  /**
   * Publishes one event after another over one stream, each as Publish would. A request without a token has that of the
   * one before. An error ends its request and not the stream, unless it is about the credential.
   */
  PublishStream: grpc.handleBidiStreamingCall<_mcp2_EventPublishRequest__Output, _mcp2_EventPublishAck>;
  
  /**
   * Events whose topic matches the filter. Needs `event:subscribe:<P>` with a pattern P that contains the filter;
   * overlapping it is not enough.
   * Errors: OUT_OF_RANGE when the start lies before what is retained; FAILED_PRECONDITION for a cursor of another log, a
   * start in the future or a durable subscription with another filter; ABORTED when a newer stream took the durable
   * subscription over; RESOURCE_EXHAUSTED when the reader took nothing for 60 s.
   */
  Subscribe: grpc.handleServerStreamingCall<_mcp2_EventSubscribeRequest__Output, _mcp2_EventEnvelope>;
  
}

export interface EventBusDefinition extends grpc.ServiceDefinition {
  Ack: MethodDefinition<_mcp2_EventAckRequest, _mcp2_EventAckResponse, _mcp2_EventAckRequest__Output, _mcp2_EventAckResponse__Output>
  DeleteSubscription: MethodDefinition<_mcp2_DeleteSubscriptionRequest, _mcp2_DeleteSubscriptionResponse, _mcp2_DeleteSubscriptionRequest__Output, _mcp2_DeleteSubscriptionResponse__Output>
  Publish: MethodDefinition<_mcp2_EventPublishRequest, _mcp2_EventPublishResponse, _mcp2_EventPublishRequest__Output, _mcp2_EventPublishResponse__Output>
  PublishStream: MethodDefinition<_mcp2_EventPublishRequest, _mcp2_EventPublishAck, _mcp2_EventPublishRequest__Output, _mcp2_EventPublishAck__Output>
  Subscribe: MethodDefinition<_mcp2_EventSubscribeRequest, _mcp2_EventEnvelope, _mcp2_EventSubscribeRequest__Output, _mcp2_EventEnvelope__Output>
}
