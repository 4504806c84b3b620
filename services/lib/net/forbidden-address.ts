/**
 * Addresses that nobody may be sent to on another's word: whoever looks a server up dials what Discovery says, with its
 * own place in the network and its own credentials (server-side request forgery at one remove).
 *
 * Private networks are allowed, that is where servers live. Judged as numbers, never by spelling: parse first.
 */
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';

export type Forbidden =
  /** A different machine for each caller. */
  | 'loopback'
  /** Hands out the credentials of the machine it is asked from. */
  | 'metadata'
  /** Leads nowhere, reaches many, or wraps another address. */
  | 'range';

/** Outside the link-local range, which holds the others. IPv6 in the shortest spelling. */
export const METADATA_ADDRESSES: readonly string[] = [
  '168.63.129.16', // Azure
  '100.100.100.200', // Alibaba Cloud
  'fd00:100::100:200', // Alibaba Cloud
  '192.0.0.192', // Oracle Cloud
  'fd00:c1::a9fe:a9fe', // Oracle Cloud
  'fd20:ce::254', // Google Cloud
  'fd00:42::42', // Scaleway
  'fd00:a9fe:a9fe::1', // Linode
];
/** AWS: instance metadata, EKS Pod Identity. */
const METADATA_NETWORK = 'fd00:ec2::/32';
/** "reserved" holds class E, which pods use, and the documentation's networks. */
const ALLOWED_RANGES: readonly string[] = ['unicast', 'private', 'carrierGradeNat', 'uniqueLocal', 'reserved'];
/** Of IPv6 everything else is special (RFC 4291 Section 2.4), NAT64 of local use (RFC 8215) for one. */
const ALLOWED_IPV6_NETWORKS: readonly string[] = ['2000::/3', 'fc00::/7'];

/** @returns undefined for an address that may be dialled. */
export function whyForbidden(address: IPv4 | IPv6): Forbidden | undefined {
  const range = address.range();
  if (range === 'loopback') return 'loopback';
  if (METADATA_ADDRESSES.includes(address.toString()) || isWithin(address, METADATA_NETWORK)) return 'metadata';
  if (!ALLOWED_RANGES.includes(range)) return 'range';
  if (address.kind() === 'ipv4') return undefined;
  return ALLOWED_IPV6_NETWORKS.some((network) => isWithin(address, network)) ? undefined : 'range';
}

function isWithin(address: IPv4 | IPv6, network: string): boolean {
  const [base, bits] = ipaddr.parseCIDR(network);
  return base.kind() === address.kind() && address.match([base, bits]);
}
