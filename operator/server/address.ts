/**
 * `spec.source.address`: its grammar, and the hosts it must never name (server-side request forgery), as the rules of the
 * custom resource definition have them.
 *
 * A name can resolve to anything, so each address is judged once more before it is dialled (`dial.ts`). Only
 * canonical spellings pass the grammar: "127.1", "2130706433" and "0x7f.0.0.1" are what inet_aton makes of them,
 * but no DNS name ends in a label that starts with a digit.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface ServerAddress {
  readonly scheme: 'grpc' | 'grpcs';
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

export interface HostPolicy {
  /** Only where the files and the servers are on one machine (standalone mode). */
  readonly allowLoopback: boolean;
}

const ADDRESS = /^(grpcs?):\/\/(?:([A-Za-z0-9.-]+)|\[([0-9A-Fa-f:]+)\]):([1-9][0-9]{0,4})$/;
const DNS_NAME = /^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

const LOOPBACK_NAME = /^((.*\.)?localhost|localhost\.localdomain|ip6-localhost|ip6-loopback)$/;
const REFUSED_NAME =
  /^(kubernetes(\.default(\.svc(\..*)?)?)?|metadata|metadata\.google\.internal|instance-data(\.ec2\.internal)?)$/;

/** Metadata services outside 169.254.0.0/16: Alibaba Cloud, Azure's host, Oracle Cloud. */
const REFUSED_IPV4: readonly string[] = ['100.100.100.200', '168.63.129.16', '192.0.0.192'];

/** @returns undefined when it is no grpc:// or grpcs:// address; what stands in brackets is not looked at. */
export function parseAddress(text: string): ServerAddress | undefined {
  const match = ADDRESS.exec(text);
  if (!match) return undefined;
  const [, scheme, name, bracketed, port] = match;
  const host = name ?? bracketed ?? '';
  if (name !== undefined && !isIPv4(name) && !DNS_NAME.test(name)) return undefined;
  if (Number(port) > 65_535) return undefined;
  return { scheme: scheme as ServerAddress['scheme'], host, port: Number(port) };
}

export function isDnsName(text: string): boolean {
  return DNS_NAME.test(text);
}

/** True for the node itself, metadata services, the Kubernetes API and reserved addresses. @param host Checked above. */
export function isRefusedHost(host: string, policy: HostPolicy): boolean {
  if (isIP(host) !== 0) return isRefusedIp(host, policy);
  const name = host.toLowerCase();
  return REFUSED_NAME.test(name) || (!policy.allowLoopback && LOOPBACK_NAME.test(name));
}

/** Private networks are allowed: servers outside the cluster are often on one. @throws Error when it is no IP address. */
export function isRefusedIp(ip: string, { allowLoopback }: HostPolicy): boolean {
  const address = ipaddr.parse(ip);
  if (address.range() === 'loopback') return !allowLoopback;
  return isIPv6(ip) ? isRefusedIpv6(address.toByteArray()) : isRefusedIpv4(address.toByteArray(), ip);
}

/** 0.0.0.0/8, link-local 169.254.0.0/16, multicast and everything above (224.0.0.0/3). */
function isRefusedIpv4([first = 0, second = 0]: readonly number[], ip: string): boolean {
  return first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254) || REFUSED_IPV4.includes(ip);
}

/**
 * Below 1000::/4 are the unspecified address and everything that wraps an IPv4 address (::/96, ::ffff:0:0/96,
 * 64:ff9b::/96); fe00::/8 and ff00::/8 are link-local, site-local and multicast; fd00:ec2::/32 is AWS's metadata.
 */
function isRefusedIpv6(bytes: readonly number[]): boolean {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  return first < 0x10 || first >= 0xfe || (first === 0xfd && second === 0 && third === 0x0e && fourth === 0xc2);
}
