/**
 * TLS contexts for handshakes, made once for each bundle: a bundle of public authorities takes some 30 ms to read, on the
 * one thread that all work of the operator shares, and a server with a thousand endpoints would read it a thousand times.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';

export interface Credentials {
  /** PEM; undefined = the system's roots. */
  readonly ca: string | undefined;
  /** PEM, for mTLS. */
  readonly own: { readonly certificate: string; readonly key: string } | undefined;
}

export type Trust = (credentials: Credentials) => SecureContext;

/** Up to 1 MB each. */
const MAX_CONTEXTS = 64;

/** The result throws when something is no PEM or the key is another certificate's. */
export function createTrust(): Trust {
  const contexts = new LRUCache<string, SecureContext>({ max: MAX_CONTEXTS });
  return function contextFor({ ca, own }) {
    const identity = `${ca ?? ''}\n${own?.certificate ?? ''}\n${own?.key ?? ''}`;
    let context = contexts.get(identity);
    if (context === undefined) {
      const shown = own === undefined ? {} : { cert: own.certificate, key: own.key };
      context = createSecureContext({ ...(ca === undefined ? {} : { ca }), ...shown });
      contexts.set(identity, context);
    }
    return context;
  };
}
