/**
 * The first call from code of your own: look a server up, then call it, with one token for both.
 *
 *   MCP2_TOKEN=$(npx mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read) \
 *     npm exec -- node examples/first-call.ts
 *
 * The token names the server as its audience and the one thing it may be used for. Discovery answers only what such a
 * token may use; the server checks the same token again, without asking anybody. `connect()` finds the registry that
 * "mcp2 up" runs, or the one whose trust ConfigMap is mounted.
 */
import { connect } from 'mcp2/client';

async function main(registry?: string): Promise<void> {
  using mcp2 = await connect({ registry });
  const { ContextTool } = mcp2.services;
  const request = {
    context_key: 'inventory:prod_12345:stock_count',
    parameters: { filter: Buffer.from("warehouse='NY'") },
  };
  const capability = 'db:inventory:read';
  const [endpoint] = await mcp2.endpoints({ capability });
  const { serialized_value } = await mcp2.call(ContextTool, 'RequestContext', request, { capability });
  console.log(`${endpoint?.server_name} at ${endpoint?.grpc_url} answers: ${serialized_value.toString()}`);
}

if (import.meta.main) {
  await main(process.argv[2]).catch((error: Error) => {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  });
}
