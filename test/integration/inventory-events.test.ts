/** The sample's stock falls below 10, and who subscribed hears of it: from the tool over the table to the bus. */
import { expect, test } from 'vitest';
import type { RuntimeConfig } from '../../services/context-tool/config/runtime-config.ts';
import { openCalls } from '../harness/context-tool-calls.ts';
import { startBus } from '../harness/event-bus.ts';
import { startInventoryServer } from '../harness/inventory-server.ts';
import { createWorkspace } from '../harness/processes.ts';
import { ISSUER } from '../harness/registry-fixture.ts';

const SERVER = 'InventoryDB_Primary';
const NY = { sku: 'prod_12345', warehouse: 'NY' };

test('an agent hears of a low stock from a server whose process has a bus and makes its tokens', async () => {
  await using bus = await startBus();
  const { folder } = createWorkspace('inventory-events');
  const asked: string[] = [];
  const tokenSource = ({ server, events }: RuntimeConfig) => {
    asked.push(server.name);
    const capabilities = events.flatMap(({ topics }) => topics.map((topic) => `event:publish:${topic}`));
    return () => bus.tokens.mint({ aud: ['EventBusServer'], sub: `default.${server.name}`, capabilities });
  };
  // Like a bus that is started beside the server, and listens a little later.
  let address: string | undefined;
  const server = await startInventoryServer({
    ...{ file: 'inventory.yaml', folder, ownEventBus: { address: () => address, tokenSource } },
    env: { MCP2_LISTEN: '127.0.0.1:0', MCP2_ISSUER: ISSUER, MCP2_JWKS_FILE: bus.tokens.jwksFile },
  });
  try {
    const caller = await bus.caller();
    await using heard = caller.subscribe('inventory:*:low_stock', { idle_heartbeat_ms: 100 });
    await heard.follows();
    using calls = await openCalls(`127.0.0.1:${server.port}`, SERVER, bus.tokens);
    expect(await calls.run('reserve_stock', { ...NY, quantity: '30' })).toMatchObject({ left: '0' });
    expect(await calls.run('reserve_stock', { ...NY, warehouse: 'SF', quantity: '3' })).toMatchObject({ left: '9' });
    address = bus.target;
    const [event] = await heard.take(1);
    expect(event).toMatchObject({
      topic: 'inventory:prod_12345:low_stock',
      publisher: `default.${SERVER}`,
      event_id: `${SERVER}/inventory/1`,
      content_type: 'application/json',
    });
    expect(JSON.parse(String(event?.payload))).toMatchObject({ current_stock: 9 });
    expect((await calls.card()).capabilities).toContain('event:publish:inventory:*:low_stock');
    expect(asked).toEqual([SERVER]);
  } finally {
    await server.stop(1_000);
  }
});
