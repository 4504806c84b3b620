/**
 * What the operator saw of one Mcp2Server, as plain facts: the input of the conditions.
 *
 * Undefined always means "not known yet", never "none": that is the difference between Unknown and False.
 */
import type { FailureDetails } from './prober.ts';
import type { ParseResult } from './resource.ts';

export interface Observation {
  /** metadata.generation of the resource that was looked at. */
  readonly generation: number;
  /** The resource has a deletionTimestamp. */
  readonly deleting: boolean;
  readonly parsed: ParseResult | undefined;
  /** Who holds the server name, when it is somebody else; from `describeOwner`. */
  readonly nameHolder: string | undefined;
  /** Why the control plane's administrators do not allow the resource. */
  readonly denial: Denial | undefined;
  readonly references: ReferenceState | undefined;
  readonly endpoints: EndpointCounts | undefined;
  readonly handshakes: Handshakes | undefined;
  /** Of the resource's capabilities with those in the server's card. */
  readonly card: CardComparison | undefined;
  readonly registration: RegistrationState | undefined;
}

export type Denial =
  | { readonly reason: 'PrefixNotOwned'; readonly prefix: string; readonly owner: string }
  | { readonly reason: 'PolicyDenied'; readonly policy: string; readonly detail: string };

export type ReferenceState =
  | { readonly kind: 'resolved'; readonly warning?: string }
  | { readonly kind: 'service-not-found' }
  | { readonly kind: 'port-not-found'; readonly available: readonly string[] }
  /** A Service of type ExternalName has no endpoints. */
  | { readonly kind: 'external-name' }
  | { readonly kind: 'ca-bundle-not-found' }
  | { readonly kind: 'certificate-invalid'; readonly detail: string }
  /** The operator may not read it, or it belongs to another namespace that does not share it. */
  | { readonly kind: 'not-permitted'; readonly what: string };

/** As the EndpointSlices say; an address counts as one ready endpoint. */
export interface EndpointCounts {
  readonly ready: number;
  readonly draining: number;
  /** Ready, draining and not ready. */
  readonly total: number;
  /** Of the ready ones: not ready for `minReadySeconds` yet, so that nobody is sent there. Default 0. */
  readonly settling?: number;
}

export interface Handshakes {
  /** Endpoints that Discovery gives to clients. */
  readonly serving: number;
  /** Endpoints that were not verified yet. */
  readonly pending: number;
  readonly failed: readonly FailedHandshake[];
}

export interface FailedHandshake extends FailureDetails {
  /** host:port */
  readonly url: string;
}

export interface CardComparison {
  readonly declaredOnly: readonly string[];
  readonly undeclared: readonly string[];
}

export type RegistrationState =
  | { readonly kind: 'read-back'; readonly revision: number }
  /** The store refused the record itself: too large, no right to write. */
  | { readonly kind: 'rejected'; readonly detail: string }
  | { readonly kind: 'unavailable' };
