import { afterEach, expect, test } from 'vitest';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { Transport } from '#protos/generated/mcp2/Transport.ts';
import { EndpointPool, type EndpointPoolOptions } from './endpoint-pool.ts';

const { TRANSPORT_UNKNOWN: UNKNOWN, TRANSPORT_PLAINTEXT: PLAINTEXT, TRANSPORT_TLS: TLS } = Transport;

let opened: EndpointPool[] = [];
afterEach(() => {
  for (const pool of opened) pool.close();
  opened = [];
});

function createPool(changes: Partial<EndpointPoolOptions> = {}) {
  const clock = new ManualClock();
  const plaintextCredentials = plaintextClient();
  const options = { clock, plaintextCredentials, tlsCredentials: undefined, allowPlaintext: false, ...changes };
  const pool = new EndpointPool(options);
  opened.push(pool);
  return { pool, clock };
}

function at(grpc_url: string, transport: number = PLAINTEXT): Endpoint {
  return { server_name: 'Db', grpc_url, transport, tls_server_name: '', tags: {} } as unknown as Endpoint;
}

test.each([
  ['not stated, on this machine', '127.0.0.1:1', UNKNOWN, 'opened'],
  ['not stated, on this machine by name', 'dns:///localhost:1', UNKNOWN, 'opened'],
  ['not stated, elsewhere', '10.0.0.1:1', UNKNOWN, /in the clear/],
  ['not stated, with a name that begins like this machine', 'localhost.example:1', UNKNOWN, /in the clear/],
  ['plaintext as the registry says', '10.0.0.1:1', PLAINTEXT, 'opened'],
  ['TLS, without a CA', '10.0.0.1:1', TLS, /no CA is known/],
  ['a path', 'unix:/tmp/socket', PLAINTEXT, /not host:port/],
  ['another resolver', 'xds:///10.0.0.1:1', PLAINTEXT, /not host:port/],
] as const)('%s', (_title, address, transport, expected) => {
  const { pool } = createPool();
  const open = () => pool.open(at(address, transport)) && 'opened';
  if (expected === 'opened') expect(open()).toBe('opened');
  else expect(open).toThrow(expected);
});

test('an option lets a server elsewhere be called in the clear, never one that speaks TLS', () => {
  const { pool } = createPool({ allowPlaintext: true });
  expect(pool.open(at('10.0.0.1:1', UNKNOWN))).toBeDefined();
  expect(() => pool.open(at('10.0.0.1:1', TLS))).toThrow(/no CA/);
});

test('an endpoint keeps its channel, and the 257th sends away the one that was not used for longest', () => {
  const { pool } = createPool();
  const first = pool.open(at('127.0.0.1:1'));
  for (let port = 2; port <= 256; port += 1) pool.open(at(`127.0.0.1:${port}`));
  expect(pool.open(at('127.0.0.1:1'))).toBe(first);
  pool.open(at('127.0.0.1:257'));
  expect(pool.peek(at('127.0.0.1:1'))).toBe(first);
  expect(pool.peek(at('127.0.0.1:2'))).toBeUndefined();
});

test('a channel that is sent away is closed when the last call on it has ended', async () => {
  const { pool } = createPool();
  const pooled = pool.open(at('127.0.0.1:1'));
  const closed = { count: 0 };
  const close = pooled.channel.close.bind(pooled.channel);
  pooled.channel.close = () => {
    closed.count += 1;
    close();
  };
  pooled.begin();
  pool.close();
  expect(closed.count).toBe(0);
  pooled.end();
  expect(closed.count).toBe(1);
});

test('a measured latency counts less the older it is, so that a slow endpoint is tried again', () => {
  const { pool, clock } = createPool();
  const pooled = pool.open(at('127.0.0.1:1'));
  expect(pooled.latencyMs).toBeUndefined();
  pooled.measured(100);
  expect(pooled.latencyMs).toBe(100);
  clock.jump(10_000);
  expect(pooled.latencyMs).toBe(50);
  pooled.measured(0);
  expect(pooled.latencyMs).toBe(80);
});
