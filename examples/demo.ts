/**
 * Steps 1 to 4 of the MCP 2.0 proposal's example (its section 4), with a control plane of its own that is gone afterwards:
 *
 *   npm run demo
 *
 * An agent finds an inventory, reads what is in stock, listens, and reserves pieces until fewer than 10 are left. The database
 * notices that by a trigger, the server publishes what it wrote, and the agent hears of it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, type Mcp2Client } from 'mcp2/client';

const SKU = 'prod_12345';
const TOPIC = `inventory:${SKU}:low_stock`;
const MCP2 = join(import.meta.dirname, '../cli/mcp2.mjs');
const GIVE_UP_MS = 60_000;

const folder = await mkdtemp(join(tmpdir(), 'mcp2-demo-'));
const env = { ...process.env, MCP2_STATE: join(folder, 'state') };
const up = spawn(process.execPath, [MCP2, 'up', '--port', '0', '--bus-port', '0'], {
  env,
  stdio: ['ignore', 'pipe', 'pipe'],
});
const ended = once(up, 'exit');
try {
  say('1. Setup: a registry, an event bus and the servers of examples/inventory');
  await untilReady(up);
  const token = await mintToken();
  // Beside "mcp2 up" registry and event bus need not be named: its state folder has their addresses.
  using agent = await connect({ token, ambient: { env } });
  await find(agent);
  await readStock(agent);
  await hearOfLowStock(agent);
} finally {
  up.kill('SIGINT');
  await ended;
  await rm(folder, { recursive: true });
}

/** Its last line says that it is ready. It is read to its end: whoever closes its stdout ends it. */
async function untilReady({ stdout, stderr }: ChildProcess): Promise<void> {
  let printed = '';
  const ready = Promise.withResolvers<void>();
  for (const stream of [stdout, stderr]) {
    stream?.on('data', (chunk) => {
      printed += String(chunk);
      if (printed.includes('Ctrl-C ends')) ready.resolve();
    });
  }
  const tooEarly = ended.then(() => Promise.reject(new Error(`mcp2 up ended: ${printed}`)));
  await Promise.race([ready.promise, tooEarly]);
  for (const server of printed.split('\n').filter((line) => / +True +/.test(line))) show(server);
}

async function mintToken(): Promise<string> {
  say('2. Agent initialization: a token for what the agent may do, and nothing else');
  const rights = ['db:inventory:read', 'tool:reserve_stock', 'event:subscribe:inventory:*'];
  const audience = 'InventoryDB_*,EventBusServer';
  const args = ['token', 'mint', '--sub', 'default.agentA', '--aud', audience, '--capability', rights.join(',')];
  const { stdout } = await promisify(execFile)(process.execPath, [MCP2, ...args], { env });
  show(`agentA may use ${rights.join(', ')} at ${audience}`);
  return stdout.trim();
}

async function find(agent: Mcp2Client): Promise<void> {
  say('3. Discovery: who can read the inventory?');
  const { endpoints } = await agent.lookup({ capability_filter: ['db:inventory:read'] });
  for (const { server_name, grpc_url } of endpoints) show(`${server_name} at ${grpc_url}`);
}

async function readStock(agent: Mcp2Client): Promise<void> {
  const filter = "warehouse='NY', qty>0";
  const server = 'InventoryDB_Replica1';
  const inAll = await agent.context<number>(`inventory:${SKU}:stock_count`, {}, { server });
  const inOne = await agent.context<number>(`inventory:${SKU}:stock_count`, { filter }, { server });
  show(`${inAll.server} has ${inAll.value} of ${SKU}, ${inOne.value} of them with ${filter}`);
}

async function hearOfLowStock(agent: Mcp2Client): Promise<void> {
  say('4. Events: tell me when fewer than 10 are left');
  // From the first event on: the stream may be open only after the reservations.
  const events = agent.subscribe(TOPIC, { from: 'earliest', signal: AbortSignal.timeout(GIVE_UP_MS) });
  show(`subscribed to ${TOPIC}`);
  const reserving = reserve(agent);
  for await (const event of events) {
    show(`heard ${event.topic} number ${event.sequence} from ${event.publisher}: ${event.text()}`);
    break;
  }
  await reserving;
}

async function reserve(agent: Mcp2Client): Promise<void> {
  for (const [warehouse, quantity] of [
    ['NY', 20],
    ['SF', 10],
    ['NY', 5],
  ] as const) {
    const idempotencyKey = `demo-${warehouse}-${quantity}`;
    const { value, server } = await agent.tool('reserve_stock', { sku: SKU, warehouse, quantity }, { idempotencyKey });
    show(`reserved ${quantity} in ${warehouse} at ${server}, ${value.left} left there`);
  }
}

function say(title: string): void {
  console.log(`\n${title}`);
}

function show(line: string): void {
  console.log(`   ${line}`);
}
