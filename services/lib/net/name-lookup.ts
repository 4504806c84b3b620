/**
 * Host names to addresses, in two ways.
 *
 * In a cluster the names are other people's, and asking the system's resolver (getaddrinfo) would hand them our threads:
 * Node has four of them for names, files and signatures together, and a name whose server never answers keeps one for
 * half a minute. So the DNS is asked directly (c-ares), with nothing shared and an end at the caller's signal.
 * /etc/hosts is then not looked at.
 */

import { lookup, Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import type { NameLookup } from './dial.ts';

/** The part of resolv.conf(5) that c-ares leaves to us. */
export interface ResolverSettings {
  /** Domains that short names are tried under. */
  readonly search: readonly string[];
  /** A name with at least so many dots is tried as it is first. */
  readonly ndots: number;
  /** Instead of the system's; for tests. */
  readonly servers?: readonly string[];
}

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;
/** As many as Kubernetes allows a pod. */
const MAX_SEARCH = 32;
const NO_SUCH_NAME: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

/** For standalone mode, where names and files are of one person: as every other program of the machine resolves them. */
export const lookUpBySystem: NameLookup = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

export function createDnsLookup({ search, ndots, servers }: ResolverSettings): NameLookup {
  return async function lookUpByDns(host, signal) {
    signal.throwIfAborted();
    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for (const name of candidates(host, search, ndots)) {
        const addresses = await addressesOf(name, resolver);
        if (addresses.length > 0) return addresses;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    throw new Error('the name has no address');
  };
}

/** @throws the error of a file that cannot be read; a line that cannot be understood is skipped. */
export function readResolverSettings(path: string): ResolverSettings {
  let search: readonly string[] = [];
  let ndots = 1;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') search = values.slice(0, MAX_SEARCH);
    const [, dots] = (keyword === 'options' && /\bndots:(\d{1,2})\b/.exec(line)) || [];
    if (dots !== undefined) ndots = Number(dots);
  }
  return { search, ndots };
}

function candidates(host: string, search: readonly string[], ndots: number): readonly string[] {
  const under = search.map((domain) => `${host}.${domain}`);
  return host.split('.').length > ndots ? [host, ...under] : [...under, host];
}

async function addressesOf(name: string, resolver: Resolver): Promise<readonly string[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const trouble = answers.find((answer) => answer.status === 'rejected' && !NO_SUCH_NAME.includes(answer.reason.code));
  if (addresses.length === 0 && trouble?.status === 'rejected') throw trouble.reason;
  return addresses;
}
