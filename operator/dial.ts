/**
 * Where a handshake connects to: the name resolved once, each address checked, and the checked address dialled.
 *
 * Resolving again at connect time would let a name answer one address to the check and another to the connection
 * (DNS rebinding).
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ServiceError } from '#lib/errors.ts';
import { formatHostPort, parseHostPort } from '#lib/listen-address.ts';
import { isRefusedIp } from './server/address.ts';

export type Dial = (url: string) => Promise<string>;

export interface DialOptions {
  /** Standalone mode only. */
  readonly allowLoopback: boolean;
}

/** @throws ServiceError ENDPOINT_REFUSED when any address of the name is forbidden; the resolver's error otherwise. */
export function createDial({ allowLoopback }: DialOptions): Dial {
  return async function dial(url) {
    const target = parseHostPort(url);
    if (!target) throw new ServiceError('ENDPOINT_REFUSED', `"${url}" is no host:port`);
    const { host, port } = target;
    const addresses = isIP(host) !== 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
    if (addresses.some((address) => isRefusedIp(address, { allowLoopback }))) {
      throw new ServiceError(
        'ENDPOINT_REFUSED',
        'the name leads to a loopback, link-local or otherwise forbidden address',
      );
    }
    const [first = host] = addresses;
    return formatHostPort({ host: first, port });
  };
}
