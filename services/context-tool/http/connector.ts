/**
 * Connections to upstreams, to checked addresses alone.
 *
 * The name is resolved here, every address of it is checked, and the socket gets exactly these: there is no second look-up
 * whose answer could differ (DNS rebinding). A name with one forbidden address is refused whole, as in lib/net/dial.ts.
 * Certificates are verified whatever the environment says.
 */
import { isIP, isIPv6, type LookupFunction, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import type { NameLookup } from '#lib/net/dial.ts';
import { whyForbidden } from '#lib/net/forbidden-address.ts';

/** The address must not be connected to. The message is for the log: it names no address. */
export class AddressRefused extends Error {
  constructor() {
    super('the name leads to a loopback, link-local or otherwise forbidden address');
    this.name = 'AddressRefused';
  }
}

export interface ConnectorOptions {
  readonly lookup: NameLookup;
  readonly allowLoopback: boolean;
  /** PEM, in place of the certificates that Node trusts. */
  readonly ca?: string | undefined;
}

/** @param signal Ends an attempt; the socket is then destroyed. */
export type Connect = (options: buildConnector.Options, signal: AbortSignal, callback: buildConnector.Callback) => void;

/** Of one attempt, all addresses together; the request's own time limits are usually shorter. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Before the next address of a name is tried beside this one (RFC 8305 Section 5 allows up to 2 s). */
const NEXT_ADDRESS_MS = 1_000;

export function createConnect({ lookup, allowLoopback, ca }: ConnectorOptions): Connect {
  return function connect(options, signal, callback) {
    if (isIP(options.hostname) !== 0 && isRefused(options.hostname)) {
      callback(new AddressRefused(), null);
      return;
    }
    const open = buildConnector({
      allowH2: false,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
      ca,
      lookup: checkedLookup(signal),
      maxCachedSessions: 0,
      rejectUnauthorized: true,
      timeout: CONNECT_TIMEOUT_MS,
    });
    // undici's types hide that a connector returns its socket.
    const socket = open(options, callback) as unknown as Socket;
    const destroy = () => socket.destroy();
    signal.addEventListener('abort', destroy, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', destroy));
  };

  function checkedLookup(signal: AbortSignal): LookupFunction {
    return (hostname, { all }, callback) => {
      lookup(hostname, signal).then(
        (addresses) => {
          if (addresses.some(isRefused)) return callback(new AddressRefused(), '', 0);
          const found = addresses.map((address) => ({ address, family: familyOf(address) }));
          const [first] = found;
          if (first === undefined) return callback(new Error('the name has no address'), '', 0);
          return all ? callback(null, found) : callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error('the look-up failed'), '', 0),
      );
    };
  }

  function isRefused(address: string): boolean {
    const forbidden = whyForbidden(ipaddr.parse(address));
    return forbidden !== undefined && !(forbidden === 'loopback' && allowLoopback);
  }
}

/** @param address Of a connected socket. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && isIP(address) !== 0 && ipaddr.parse(address).range() === 'loopback';
}

function familyOf(address: string): 4 | 6 {
  return isIPv6(address) ? 6 : 4;
}
