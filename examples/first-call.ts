/**
 * The first call from code of your own: look a server up, then call it, with one token for both.
 *
 *   MCP2_TOKEN=$(npx mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read) \
 *     npm exec -- node examples/first-call.ts
 *
 * The token names the server as its audience and the one thing it may be used for. Discovery answers only what such a
 * token may use; the server checks the same token again, without asking anybody.
 */
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { loadServices } from '#protos/load.ts';

async function main(registryAddress: string, token: string): Promise<void> {
  const { Discovery, ContextTool } = loadServices();
  const credentials = plaintextClient(); // standalone mode: everything is on this machine

  const registry = createClient(Discovery, registryAddress, { credentials });
  const { endpoints } = await registry.call('Lookup', {
    requester_token: token,
    capability_filter: ['db:inventory:read'],
  });
  registry.close();
  const [endpoint] = endpoints;
  if (!endpoint) throw new Error('no server offers db:inventory:read to this token; is "npm start" running?');

  const server = createClient(ContextTool, endpoint.grpc_url, { credentials });
  const { serialized_value } = await server.call('RequestContext', {
    capability_token: token,
    context_key: 'inventory:prod_12345:stock_count',
    parameters: { filter: Buffer.from("warehouse='NY'") },
  });
  server.close();
  console.log(`${endpoint.server_name} at ${endpoint.grpc_url} answers: ${serialized_value.toString()}`);
}

if (import.meta.main) {
  await main(process.argv[2] ?? '127.0.0.1:50050', process.env.MCP2_TOKEN ?? '').catch((error: Error) => {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  });
}
