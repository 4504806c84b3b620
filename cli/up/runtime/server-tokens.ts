/**
 * The tokens with which the servers of `mcp2 up` publish: minted in this process with the key of the state folder, so that no
 * token lies in a file, and each with nothing but the right to publish under the topics that its configuration names.
 */
import type { Clock } from '#lib/clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import { EVENT_BUS_NAME } from '#lib/well-known.ts';
import type { TokenSource } from '#sdk/client/index.ts';
import type { Signer } from '../../state/keys.ts';
import { mintedTokens } from '../../token/minted-tokens.ts';

/** What of a configuration says who publishes what. */
export interface PublishingServer {
  readonly server: { readonly name: string };
  readonly events: readonly { readonly topics: readonly string[] }[];
}

export interface ServerTokensOptions {
  readonly signer: Signer;
  readonly clock: Clock;
}

const TTL_SECONDS = 900;

/** @returns what gives the token of a configuration's server: one for half of its life, then a fresh one */
export function createServerTokens({ signer, clock }: ServerTokensOptions): (config: PublishingServer) => TokenSource {
  return (config) => mintedTokens({ clock, ttlSeconds: TTL_SECONDS, mint: () => mint(config) });

  function mint({ server, events }: PublishingServer): Promise<string> {
    const topics = new Set(events.flatMap((outbox) => outbox.topics));
    const capabilities = Array.from(topics, (topic) => `event:publish:${topic}`);
    // Standalone mode: namespace `default`.
    const rights = { sub: `default.${server.name}`, aud: [EVENT_BUS_NAME], capabilities };
    return mintToken(signer.key, { iss: signer.issuer, ...rights, ttlSeconds: TTL_SECONDS }, { clock });
  }
}
