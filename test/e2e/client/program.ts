/**
 * A client in a pod: looks a server up over TLS and calls each endpoint that it was told, with the certificate name
 * that it was told; prints what happened as JSON. Mounted below /app of the product's image.
 *
 * Arguments: registry host:port, capability, and optionally the certificate name to insist on instead.
 */
import { status } from '@grpc/grpc-js';
import { CallError, connect, type Endpoint, type Mcp2Client, tokenFile } from '#sdk/client/index.ts';

export interface ClientReport {
  readonly calls: readonly {
    readonly server: string;
    readonly endpoint: string;
    /** What the registry said the certificate must carry. */
    readonly certificateName: string;
    /** "OK", or the name of gRPC's code. */
    readonly outcome: string;
    readonly answer: string;
  }[];
}

async function main([registry = '', capability = '', insistedName]: readonly string[]): Promise<ClientReport> {
  using mcp2 = await connect({
    registry,
    caFile: '/etc/mcp2/trust/ca.crt',
    serverCaFile: '/etc/server-ca/ca.crt',
    token: tokenFile('/etc/token/token'),
  });
  const endpoints = await mcp2.endpoints({ capability });
  const calls = endpoints.map((endpoint) => call(mcp2, endpoint, insistedName ?? endpoint.tls_server_name));
  return { calls: await Promise.all(calls) };
}

/** This endpoint and no other. Its address is a pod's, which no certificate carries. */
async function call(
  mcp2: Mcp2Client,
  endpoint: Endpoint,
  certificateName: string,
): Promise<ClientReport['calls'][number]> {
  const { server_name, grpc_url, tls_server_name } = endpoint;
  const request = {
    context_key: 'inventory:prod_12345:stock_count',
    parameters: { warehouse: Buffer.from('NY') },
  };
  const told = { server: server_name, endpoint: grpc_url, certificateName: tls_server_name };
  try {
    const { serialized_value } = await mcp2.call(mcp2.services.ContextTool, 'RequestContext', request, {
      endpoints: [{ ...endpoint, tls_server_name: certificateName }],
    });
    return { ...told, outcome: 'OK', answer: serialized_value.toString() };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { ...told, outcome: status[error.code] ?? String(error.code), answer: error.message };
  }
}

if (import.meta.main) process.stdout.write(JSON.stringify(await main(process.argv.slice(2))));
