/**
 * The first call from code of your own, with one token both to find the server and to call it:
 *
 *   MCP2_TOKEN=$(npx mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read) \
 *     npm exec -- node examples/first-call.ts
 *
 * `connect()` finds the registry that "mcp2 up" runs, or the one whose trust ConfigMap is mounted.
 */
import { connect } from 'mcp2/client';

using mcp2 = await connect();
const { value, server } = await mcp2.context('inventory:prod_12345:stock_count', { warehouse: 'NY' });
console.log(`${server} has ${value} in NY`);
