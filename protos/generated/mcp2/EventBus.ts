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
import type { ListSubscriptionsRequest as _mcp2_ListSubscriptionsRequest, ListSubscriptionsRequest__Output as _mcp2_ListSubscriptionsRequest__Output } from '../mcp2/ListSubscriptionsRequest.ts';
import type { ListSubscriptionsResponse as _mcp2_ListSubscriptionsResponse, ListSubscriptionsResponse__Output as _mcp2_ListSubscriptionsResponse__Output } from '../mcp2/ListSubscriptionsResponse.ts';
import type { ListTopicsRequest as _mcp2_ListTopicsRequest, ListTopicsRequest__Output as _mcp2_ListTopicsRequest__Output } from '../mcp2/ListTopicsRequest.ts';
import type { ListTopicsResponse as _mcp2_ListTopicsResponse, ListTopicsResponse__Output as _mcp2_ListTopicsResponse__Output } from '../mcp2/ListTopicsResponse.ts';

/**
 * Answered by the event bus (audience EventBusServer).
 */
export interface EventBusClient extends grpc.Client {
  /**
   * Settles deliveries of a durable subscription with explicit acknowledgement. Needs the right of its filter.
   * Errors: NOT_FOUND SUBSCRIPTION_UNKNOWN when the caller, who may subscribe to something, has no such subscription.
   */
  Ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  Ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  Ack(argument: _mcp2_EventAckRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  Ack(argument: _mcp2_EventAckRequest, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Settles deliveries of a durable subscription with explicit acknowledgement. Needs the right of its filter.
   * Errors: NOT_FOUND SUBSCRIPTION_UNKNOWN when the caller, who may subscribe to something, has no such subscription.
   */
  ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  ack(argument: _mcp2_EventAckRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  ack(argument: _mcp2_EventAckRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  ack(argument: _mcp2_EventAckRequest, callback: grpc.requestCallback<_mcp2_EventAckResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Removes a durable subscription of the caller with what it has parked; an open stream of it ends NOT_FOUND
   * SUBSCRIPTION_UNKNOWN. Idempotent. Needs the right of its filter.
   */
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  DeleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Removes a durable subscription of the caller with what it has parked; an open stream of it ends NOT_FOUND
   * SUBSCRIPTION_UNKNOWN. Idempotent. Needs the right of its filter.
   */
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  deleteSubscription(argument: _mcp2_DeleteSubscriptionRequest, callback: grpc.requestCallback<_mcp2_DeleteSubscriptionResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The caller's own durable subscriptions. Needs any right to subscribe.
   */
  ListSubscriptions(argument: _mcp2_ListSubscriptionsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  ListSubscriptions(argument: _mcp2_ListSubscriptionsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  ListSubscriptions(argument: _mcp2_ListSubscriptionsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  ListSubscriptions(argument: _mcp2_ListSubscriptionsRequest, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The caller's own durable subscriptions. Needs any right to subscribe.
   */
  listSubscriptions(argument: _mcp2_ListSubscriptionsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  listSubscriptions(argument: _mcp2_ListSubscriptionsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  listSubscriptions(argument: _mcp2_ListSubscriptionsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  listSubscriptions(argument: _mcp2_ListSubscriptionsRequest, callback: grpc.requestCallback<_mcp2_ListSubscriptionsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The topics that match a filter, by name. Needs `event:subscribe:<P>` as Subscribe does.
   * Errors: INVALID_ARGUMENT PAGE_TOKEN_INVALID for a page token of another filter.
   */
  ListTopics(argument: _mcp2_ListTopicsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  ListTopics(argument: _mcp2_ListTopicsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  ListTopics(argument: _mcp2_ListTopicsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  ListTopics(argument: _mcp2_ListTopicsRequest, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The topics that match a filter, by name. Needs `event:subscribe:<P>` as Subscribe does.
   * Errors: INVALID_ARGUMENT PAGE_TOKEN_INVALID for a page token of another filter.
   */
  listTopics(argument: _mcp2_ListTopicsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  listTopics(argument: _mcp2_ListTopicsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  listTopics(argument: _mcp2_ListTopicsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  listTopics(argument: _mcp2_ListTopicsRequest, callback: grpc.requestCallback<_mcp2_ListTopicsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Appends one event; success means that the log holds it durably. Needs `event:publish:<topic>`. Retry only with an
   * event_id. A call is checked in this order: credential, form, right, quota, schema, event_id, expected_last_sequence,
   * so that a retry is told the first one's sequence and never ABORTED.
   * Errors: INVALID_ARGUMENT TOPIC_RESERVED for a topic that begins with "_", PAYLOAD_INVALID when a configured schema
   * refuses the payload; ALREADY_EXISTS EVENT_ID_REUSED when event_id was used with another payload; ABORTED
   * SEQUENCE_MISMATCH (metadata `last_sequence`); RESOURCE_EXHAUSTED QUOTA_EXCEEDED or LOG_FULL, with
   * google.rpc.RetryInfo where waiting helps.
   */
  Publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  Publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  Publish(argument: _mcp2_EventPublishRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  Publish(argument: _mcp2_EventPublishRequest, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Appends one event; success means that the log holds it durably. Needs `event:publish:<topic>`. Retry only with an
   * event_id. A call is checked in this order: credential, form, right, quota, schema, event_id, expected_last_sequence,
   * so that a retry is told the first one's sequence and never ABORTED.
   * Errors: INVALID_ARGUMENT TOPIC_RESERVED for a topic that begins with "_", PAYLOAD_INVALID when a configured schema
   * refuses the payload; ALREADY_EXISTS EVENT_ID_REUSED when event_id was used with another payload; ABORTED
   * SEQUENCE_MISMATCH (metadata `last_sequence`); RESOURCE_EXHAUSTED QUOTA_EXCEEDED or LOG_FULL, with
   * google.rpc.RetryInfo where waiting helps.
   */
  publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  publish(argument: _mcp2_EventPublishRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  publish(argument: _mcp2_EventPublishRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  publish(argument: _mcp2_EventPublishRequest, callback: grpc.requestCallback<_mcp2_EventPublishResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Publishes one event after another over one stream, each as Publish would; those on one topic in their order. A request
   * without a token has that of the one before; a new token must be of the same issuer and subject, else
   * CREDENTIAL_CONFLICT. An error ends its request and not the stream, unless it is about the credential; then the events
   * appended so far are acknowledged first. At most 1,024 requests or 4 MiB wait for their acknowledgement, then the
   * server stops reading.
   */
  PublishStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  PublishStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  /**
   * Publishes one event after another over one stream, each as Publish would; those on one topic in their order. A request
   * without a token has that of the one before; a new token must be of the same issuer and subject, else
   * CREDENTIAL_CONFLICT. An error ends its request and not the stream, unless it is about the credential; then the events
   * appended so far are acknowledged first. At most 1,024 requests or 4 MiB wait for their acknowledgement, then the
   * server stops reading.
   */
  publishStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  publishStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcp2_EventPublishRequest, _mcp2_EventPublishAck__Output>;
  
  /**
   * Events whose topic matches the filter. Needs `event:subscribe:<P>` with a pattern P that contains the filter;
   * overlapping it is not enough. `_dlq:<durable_name>` gives the events that the caller's own durable subscription has
   * parked, and needs the right of that subscription's filter; any other filter that begins with "_" is TOPIC_RESERVED.
   * Errors: OUT_OF_RANGE BEFORE_RETENTION when the start lies before what is retained (metadata `earliest_cursor`,
   * base64url, and with a concrete filter `earliest_sequence`); FAILED_PRECONDITION LOG_EPOCH for a cursor of another log,
   * START_IN_FUTURE, or FILTER_FIXED for a durable subscription with another filter or acknowledgement mode; ABORTED
   * SUBSCRIPTION_TAKEN when a newer stream took the durable subscription over; RESOURCE_EXHAUSTED SLOW_CONSUMER when the
   * reader took nothing for 60 s (metadata `resume_cursor`, base64url, unless it is durable).
   */
  Subscribe(argument: _mcp2_EventSubscribeRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_EventEnvelope__Output>;
  Subscribe(argument: _mcp2_EventSubscribeRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mcp2_EventEnvelope__Output>;
  /**
   * Events whose topic matches the filter. Needs `event:subscribe:<P>` with a pattern P that contains the filter;
   * overlapping it is not enough. `_dlq:<durable_name>` gives the events that the caller's own durable subscription has
   * parked, and needs the right of that subscription's filter; any other filter that begins with "_" is TOPIC_RESERVED.
   * Errors: OUT_OF_RANGE BEFORE_RETENTION when the start lies before what is retained (metadata `earliest_cursor`,
   * base64url, and with a concrete filter `earliest_sequence`); FAILED_PRECONDITION LOG_EPOCH for a cursor of another log,
   * START_IN_FUTURE, or FILTER_FIXED for a durable subscription with another filter or acknowledgement mode; ABORTED
   * SUBSCRIPTION_TAKEN when a newer stream took the durable subscription over; RESOURCE_EXHAUSTED SLOW_CONSUMER when the
   * reader took nothing for 60 s (metadata `resume_cursor`, base64url, unless it is durable).
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
   * Errors: NOT_FOUND SUBSCRIPTION_UNKNOWN when the caller, who may subscribe to something, has no such subscription.
   */
  Ack: grpc.handleUnaryCall<_mcp2_EventAckRequest__Output, _mcp2_EventAckResponse>;
  
  /**
   * Removes a durable subscription of the caller with what it has parked; an open stream of it ends NOT_FOUND
   * SUBSCRIPTION_UNKNOWN. Idempotent. Needs the right of its filter.
   */
  DeleteSubscription: grpc.handleUnaryCall<_mcp2_DeleteSubscriptionRequest__Output, _mcp2_DeleteSubscriptionResponse>;
  
  /**
   * The caller's own durable subscriptions. Needs any right to subscribe.
   */
  ListSubscriptions: grpc.handleUnaryCall<_mcp2_ListSubscriptionsRequest__Output, _mcp2_ListSubscriptionsResponse>;
  
  /**
   * The topics that match a filter, by name. Needs `event:subscribe:<P>` as Subscribe does.
   * Errors: INVALID_ARGUMENT PAGE_TOKEN_INVALID for a page token of another filter.
   */
  ListTopics: grpc.handleUnaryCall<_mcp2_ListTopicsRequest__Output, _mcp2_ListTopicsResponse>;
  
  /**
   * Appends one event; success means that the log holds it durably. Needs `event:publish:<topic>`. Retry only with an
   * event_id. A call is checked in this order: credential, form, right, quota, schema, event_id, expected_last_sequence,
   * so that a retry is told the first one's sequence and never ABORTED.
   * Errors: INVALID_ARGUMENT TOPIC_RESERVED for a topic that begins with "_", PAYLOAD_INVALID when a configured schema
   * refuses the payload; ALREADY_EXISTS EVENT_ID_REUSED when event_id was used with another payload; ABORTED
   * SEQUENCE_MISMATCH (metadata `last_sequence`); RESOURCE_EXHAUSTED QUOTA_EXCEEDED or LOG_FULL, with
   * google.rpc.RetryInfo where waiting helps.
   */
  Publish: grpc.handleUnaryCall<_mcp2_EventPublishRequest__Output, _mcp2_EventPublishResponse>;
  
  /**
   * Publishes one event after another over one stream, each as Publish would; those on one topic in their order. A request
   * without a token has that of the one before; a new token must be of the same issuer and subject, else
   * CREDENTIAL_CONFLICT. An error ends its request and not the stream, unless it is about the credential; then the events
   * appended so far are acknowledged first. At most 1,024 requests or 4 MiB wait for their acknowledgement, then the
   * server stops reading.
   */
  PublishStream: grpc.handleBidiStreamingCall<_mcp2_EventPublishRequest__Output, _mcp2_EventPublishAck>;
  
  /**
   * Events whose topic matches the filter. Needs `event:subscribe:<P>` with a pattern P that contains the filter;
   * overlapping it is not enough. `_dlq:<durable_name>` gives the events that the caller's own durable subscription has
   * parked, and needs the right of that subscription's filter; any other filter that begins with "_" is TOPIC_RESERVED.
   * Errors: OUT_OF_RANGE BEFORE_RETENTION when the start lies before what is retained (metadata `earliest_cursor`,
   * base64url, and with a concrete filter `earliest_sequence`); FAILED_PRECONDITION LOG_EPOCH for a cursor of another log,
   * START_IN_FUTURE, or FILTER_FIXED for a durable subscription with another filter or acknowledgement mode; ABORTED
   * SUBSCRIPTION_TAKEN when a newer stream took the durable subscription over; RESOURCE_EXHAUSTED SLOW_CONSUMER when the
   * reader took nothing for 60 s (metadata `resume_cursor`, base64url, unless it is durable).
   */
  Subscribe: grpc.handleServerStreamingCall<_mcp2_EventSubscribeRequest__Output, _mcp2_EventEnvelope>;
  
}

export interface EventBusDefinition extends grpc.ServiceDefinition {
  Ack: MethodDefinition<_mcp2_EventAckRequest, _mcp2_EventAckResponse, _mcp2_EventAckRequest__Output, _mcp2_EventAckResponse__Output>
  DeleteSubscription: MethodDefinition<_mcp2_DeleteSubscriptionRequest, _mcp2_DeleteSubscriptionResponse, _mcp2_DeleteSubscriptionRequest__Output, _mcp2_DeleteSubscriptionResponse__Output>
  ListSubscriptions: MethodDefinition<_mcp2_ListSubscriptionsRequest, _mcp2_ListSubscriptionsResponse, _mcp2_ListSubscriptionsRequest__Output, _mcp2_ListSubscriptionsResponse__Output>
  ListTopics: MethodDefinition<_mcp2_ListTopicsRequest, _mcp2_ListTopicsResponse, _mcp2_ListTopicsRequest__Output, _mcp2_ListTopicsResponse__Output>
  Publish: MethodDefinition<_mcp2_EventPublishRequest, _mcp2_EventPublishResponse, _mcp2_EventPublishRequest__Output, _mcp2_EventPublishResponse__Output>
  PublishStream: MethodDefinition<_mcp2_EventPublishRequest, _mcp2_EventPublishAck, _mcp2_EventPublishRequest__Output, _mcp2_EventPublishAck__Output>
  Subscribe: MethodDefinition<_mcp2_EventSubscribeRequest, _mcp2_EventEnvelope, _mcp2_EventSubscribeRequest__Output, _mcp2_EventEnvelope__Output>
}
