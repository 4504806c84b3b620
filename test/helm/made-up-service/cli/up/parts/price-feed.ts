/** The price feed of `mcp2 up`. */
import { readConfig } from '../../../services/price-feed/config.ts';
import { start } from '../../../services/price-feed/start.ts';
import { DRAIN_MS, type Part } from './part.ts';

export const priceFeedPart: Part = {
  name: 'price-feed',
  title: 'prices',
  async start({ state, signer, ...context }, port) {
    const listen = `127.0.0.1:${port}`;
    const config = readConfig({ MCP2_LISTEN: listen, MCP2_ISSUER: signer.issuer, MCP2_JWKS_FILE: state.jwks });
    const feed = await start(config, context);
    return { shown: `127.0.0.1:${feed.port}`, stop: () => feed.stop(DRAIN_MS) };
  },
};
