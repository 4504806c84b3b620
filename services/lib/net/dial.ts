/**
 * Where a handshake connects to: the name resolved once, each address checked, and the checked address dialled.
 *
 * Resolving again at connect time would let a name answer one address to the check and another to the connection
 * (DNS rebinding).
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ServiceError } from '#lib/errors.ts';
import { whyForbidden } from './forbidden-address.ts';
import { formatHostPort, parseHostPort } from './listen-address.ts';

/** Resolves to host:port with an IP address as host. @throws ServiceError ENDPOINT_REFUSED; the resolver's error. */
export type Dial = (url: string, signal: AbortSignal) => Promise<string>;

/** The addresses of a host name, at least one. Rejects when there is none, or with the signal's reason. */
export type NameLookup = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface DialOptions {
  /** Standalone mode only. */
  readonly allowLoopback: boolean;
  readonly lookup: NameLookup;
}

export function createDial({ allowLoopback, lookup }: DialOptions): Dial {
  return async function dial(url, signal) {
    const target = parseHostPort(url);
    if (!target) throw new ServiceError('ENDPOINT_REFUSED', `"${url}" is no host:port`);
    const { host, port } = target;
    const addresses = isIP(host) !== 0 ? [host] : await lookup(host, signal);
    if (addresses.some(isRefused)) {
      throw new ServiceError(
        'ENDPOINT_REFUSED',
        'the name leads to a loopback, link-local or otherwise forbidden address',
      );
    }
    const [first] = addresses;
    if (first === undefined) throw new Error('the name has no address');
    return formatHostPort({ host: first, port });
  };

  function isRefused(address: string): boolean {
    const forbidden = whyForbidden(ipaddr.parse(address));
    return forbidden !== undefined && !(forbidden === 'loopback' && allowLoopback);
  }
}
