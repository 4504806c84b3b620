/**
 * Which addresses may be registered: grammar first, then policy.
 *
 * Whoever looks a server up dials what stands here, with its own network position and credentials, so an address
 * that leads to the caller's own machine or to a cloud's metadata service must never get in (server-side request
 * forgery at one remove). Names are judged by spelling only: the registry resolves and dials nobody.
 */
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { ServiceError } from '#lib/errors.ts';
import { whyForbidden } from '#lib/net/forbidden-address.ts';

export interface EndpointPolicy {
  /** Development only: on a shared network "localhost" is a different machine for each caller. */
  readonly allowLoopback: boolean;
  /** Domain names that a host must equal or lie under, lower case, no leading dot. */
  readonly allowedSuffixes: readonly string[];
  /** Networks that an address must lie in, for example "10.0.0.0/8". */
  readonly allowedCidrs: readonly string[];
}

/** Longest host name (RFC 1035 Section 2.3.4) with scheme and port, and room to say what is wrong with it. */
const MAX_ENDPOINT_LENGTH = 300;
const HOST_AND_PORT = /^(?:dns:\/\/\/)?(\[[^\]]*\]|[^:[\]]*):([^:]*)$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
/** A last label of digits or 0x… is an IPv4 address to many resolvers (WHATWG URL Standard, "ends in a number"). */
const ENDS_IN_NUMBER = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;

const LOOPBACK_NAMES = /^(?:localhost|ip6-localhost|ip6-loopback|localhost\.localdomain|.*\.localhost)$/;
const METADATA_NAMES: readonly string[] = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
];
/**
 * The endpoint in the form in which it is stored: "host:port", lower case, IPv6 in brackets.
 *
 * @throws ServiceError ENDPOINT_INVALID when it is no endpoint, ENDPOINT_REFUSED when it must not be registered.
 */
export function checkEndpoint(text: string, policy: EndpointPolicy): string {
  const { host, port } = parseEndpoint(text);
  const address = parseAddress(host);
  if (address !== undefined) {
    checkAddress(address, policy);
    return address.kind() === 'ipv6' ? `[${address.toString()}]:${port}` : `${address.toString()}:${port}`;
  }
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  checkName(name, policy);
  return `${name}:${port}`;
}

/** @returns the problem with a configured network, or undefined when it is one. */
export function describeCidrProblem(text: string): string | undefined {
  return ipaddr.isValidCIDR(text) ? undefined : `"${text}" is no network; write for example "10.0.0.0/8"`;
}

function parseEndpoint(text: string): { host: string; port: number } {
  if (text === '') throw invalid('give grpc_url (or metadata grpc-url): the address that callers dial, "host:port"');
  if (text.length > MAX_ENDPOINT_LENGTH) throw invalid(`is longer than ${MAX_ENDPOINT_LENGTH} characters`);
  if (/^(unix|unix-abstract|vsock):/i.test(text)) throw refused('is a socket of one machine; give "host:port"');
  if (text.includes('@')) throw refused('contains user information; give "host:port" alone');
  const match = HOST_AND_PORT.exec(text);
  const [, host, port] = match ?? [];
  if (host === undefined || port === undefined || host === '')
    throw invalid('is not "host:port" or "dns:///host:port"');
  if (!PORT.test(port) || Number(port) > 65535) throw invalid('needs a port from 1 to 65535');
  return { host: host.toLowerCase(), port: Number(port) };
}

function parseAddress(host: string): IPv4 | IPv6 | undefined {
  if (host.startsWith('[')) {
    const inner = host.slice(1, -1);
    if (!/^[0-9a-f:.]+$/.test(inner) || !ipaddr.IPv6.isValid(inner))
      throw invalid('has no IPv6 address in its brackets');
    return ipaddr.IPv6.parse(inner);
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(host)) return ipaddr.IPv4.parse(host);
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  if (ENDS_IN_NUMBER.test(name)) throw invalid('ends in a number but is no IPv4 address in four decimal parts');
  if (!HOST_NAME.test(name)) throw invalid('has a host that is no domain name and no address');
  return undefined;
}

function checkAddress(address: IPv4 | IPv6, policy: EndpointPolicy): void {
  const forbidden = whyForbidden(address);
  if (forbidden === 'loopback') {
    if (!policy.allowLoopback) throw loopbackRefused();
    return;
  }
  if (forbidden === 'metadata') throw metadataRefused();
  if (forbidden !== undefined) {
    const range = address.range();
    throw refused(`is in a range that is never registered (${range}); give the address that callers reach`);
  }
  if (!isRestricted(policy)) return;
  const isAllowed = policy.allowedCidrs.some((cidr) => {
    const network = ipaddr.parseCIDR(cidr);
    return network[0].kind() === address.kind() && address.match(network);
  });
  if (!isAllowed) throw refused('is outside the networks that this registry accepts');
}

function checkName(name: string, policy: EndpointPolicy): void {
  if (LOOPBACK_NAMES.test(name)) {
    if (!policy.allowLoopback) throw loopbackRefused();
    return;
  }
  if (METADATA_NAMES.includes(name)) throw metadataRefused();
  if (!isRestricted(policy)) return;
  if (!policy.allowedSuffixes.some((suffix) => name === suffix || name.endsWith(`.${suffix}`))) {
    throw refused('is outside the domains that this registry accepts');
  }
}

function isRestricted({ allowedSuffixes, allowedCidrs }: EndpointPolicy): boolean {
  return allowedSuffixes.length > 0 || allowedCidrs.length > 0;
}

function loopbackRefused(): ServiceError {
  return refused('is a loopback address, which is another machine for each caller; give an address that callers reach');
}

function metadataRefused(): ServiceError {
  return refused('is a metadata service of a cloud');
}

function invalid(problem: string): ServiceError {
  return new ServiceError('ENDPOINT_INVALID', `the endpoint ${problem}`);
}

function refused(problem: string): ServiceError {
  return new ServiceError('ENDPOINT_REFUSED', `the endpoint ${problem}`);
}
