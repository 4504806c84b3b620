/** Whether an address leads to this machine alone, so that what is sent there in the clear leaves it for nobody. */
import { parseHostPort } from './listen-address.ts';

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/;

/** @param address host:port; anything else is not. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(parseHostPort(address)?.host ?? '');
}
