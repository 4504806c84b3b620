// Original file: protos/mcp2/discovery.proto

/**
 * How to connect to an endpoint.
 */
export const Transport = {
  /**
   * Not stated: use what the client is configured with.
   */
  TRANSPORT_UNKNOWN: 0,
  TRANSPORT_PLAINTEXT: 1,
  TRANSPORT_TLS: 2,
  /**
   * TLS with a client certificate.
   */
  TRANSPORT_MTLS: 3,
} as const;

/**
 * How to connect to an endpoint.
 */
export type Transport =
  /**
   * Not stated: use what the client is configured with.
   */
  | 'TRANSPORT_UNKNOWN'
  | 0
  | 'TRANSPORT_PLAINTEXT'
  | 1
  | 'TRANSPORT_TLS'
  | 2
  /**
   * TLS with a client certificate.
   */
  | 'TRANSPORT_MTLS'
  | 3

/**
 * How to connect to an endpoint.
 */
export type Transport__Output = typeof Transport[keyof typeof Transport]
