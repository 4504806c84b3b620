/** A server of the test, in this process, that offers what the tests of everything in front of servers look for. */
import { silentLogger } from '#lib/logger.ts';
import type { Services } from '#protos/load.ts';
import { createServer } from '#sdk/server/create-server.ts';

export interface StockServerOptions {
  readonly serverName: string;
  readonly issuer: string;
  readonly jwksFile: string;
  /** On 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** Default: plaintext. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string };
  readonly services?: Services;
}

export interface StockServer extends AsyncDisposable {
  readonly port: number;
  close(): Promise<void>;
}

/** Its card lists db:inventory:read, context:read:inventory:*:stock_count and tool:compute_pricing. */
export async function startStockServer(options: StockServerOptions): Promise<StockServer> {
  const { serverName, issuer, jwksFile, port = 0, tls, services } = options;
  const server = createServer({
    name: serverName,
    version: '1.0.0',
    trust: { issuer, jwksFile },
    log: silentLogger,
    ...(services && { services }),
  });
  server.context('inventory:{sku}:stock_count', {}, () => 42);
  server.tool('compute_pricing', {}, () => ({ recommended_price: 95.8 }));
  const listening = await server.listen(`127.0.0.1:${port}`, tls && { tls });
  const close = () => server.close();
  return { port: listening.port, close, [Symbol.asyncDispose]: close };
}
