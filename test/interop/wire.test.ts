/**
 * The wire between our generated definitions and a client of the reference proto, on a bare gRPC server: which field of
 * theirs arrives in which field of ours, and what they make of fields that they do not know.
 */
import { Metadata, Server, ServerCredentials, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContextRequest__Output } from '#protos/generated/mcp2/ContextRequest.ts';
import type { ContextResponse } from '#protos/generated/mcp2/ContextResponse.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import type { RegisterRequest__Output } from '#protos/generated/mcp2/RegisterRequest.ts';
import { loadServices, loadStatusMessages } from '#protos/load.ts';
import { lookupAsReference, registerAsReference, requestContextAsReference } from '../harness/reference-client.ts';

const services = loadServices();
const { Status, ErrorInfo } = loadStatusMessages();

let server: Server;
let address: string;
let registered: { request: RegisterRequest__Output; metadata: Metadata } | undefined;
let asked: ContextRequest__Output | undefined;

beforeAll(async () => {
  server = new Server();
  server.addService(services.Discovery, {
    Register: (call: { request: RegisterRequest__Output; metadata: Metadata }, reply: sendUnaryData<unknown>) => {
      registered = { request: call.request, metadata: call.metadata };
      reply(refusal());
    },
    Lookup: (_call: unknown, reply: sendUnaryData<LookupResponse>) => {
      const endpoint = { server_name: 'InventoryDB_Primary', grpc_url: 'inventory:50051', capabilities: ['db:*:read'] };
      const added = {
        health: 1,
        tags: { region: 'eu' },
        expires_at_ms: Number.MAX_SAFE_INTEGER,
        transport: 2,
      } as const;
      reply(null, { endpoints: [{ ...endpoint, ...added }], revision: 7, stale: true });
    },
  });
  server.addService(services.ContextTool, {
    RequestContext: (call: { request: ContextRequest__Output }, reply: sendUnaryData<ContextResponse>) => {
      asked = call.request;
      reply(null, { serialized_value: Buffer.from([0, 255]), metadata: ['a:b'], etag: 'v1' });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, boundPort: number) => (error ? reject(error) : resolve(boundPort));
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
  });
  address = `127.0.0.1:${port}`;
});

afterAll(() => server.forceShutdown());

test('a registration arrives field by field, with its address in the metadata, and a refusal reaches the client', async () => {
  const answer = await registerAsReference(
    { address, token: 'a.b.c' },
    { serverName: 'InventoryDB_Primary', capabilities: ['db:inventory:read', 'tool:*'], grpcUrl: 'inventory:50051' },
  );
  expect(registered?.request).toMatchObject({
    server_name: 'InventoryDB_Primary',
    capabilities: ['db:inventory:read', 'tool:*'],
    registration_token: 'a.b.c',
    grpc_url: '',
    ttl_seconds: 0,
    card: null,
  });
  expect(registered?.metadata.get('grpc-url')).toEqual(['inventory:50051']);
  expect(answer).toMatchObject({ code: 'PERMISSION_DENIED', details: 'not allowed', response: undefined });
  const [detail] = Status.deserialize(answer.statusDetails).details as { value: Buffer }[];
  expect(ErrorInfo.deserialize(detail?.value as Buffer).reason).toBe('CAPABILITY_DENIED');
});

test('a registration token in the metadata leaves the field empty', async () => {
  await registerAsReference({ address, token: 'a.b.c' }, { serverName: 'A', capabilities: [], tokenIn: 'metadata' });
  expect(registered?.request.registration_token).toBe('');
  expect(registered?.metadata.get('registration_token')).toEqual(['a.b.c']);
});

test('the client of the reference reads its fields of a Lookup that carries more', async () => {
  const answer = await lookupAsReference({ address, token: 'a.b.c' }, ['db:inventory:read']);
  const endpoint = { server_name: 'InventoryDB_Primary', grpc_url: 'inventory:50051', capabilities: ['db:*:read'] };
  expect(answer).toMatchObject({ code: 'OK', response: { endpoints: [endpoint] } });
});

test('parameters that the client sends as strings arrive as their UTF-8 bytes', async () => {
  const parameters = { filter: 'größer', empty: '' };
  const answer = await requestContextAsReference({ address, token: 'a.b.c' }, 'inventory:p1:stock', parameters);
  expect(asked?.parameters).toEqual({ filter: Buffer.from('größer'), empty: Buffer.alloc(0) });
  expect(answer.response).toEqual({ serialized_value: Buffer.from([0, 255]).toString('base64'), metadata: ['a:b'] });
});

test('a method that the server does not have is UNIMPLEMENTED, not a hang', async () => {
  const bare = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, boundPort: number) => (error ? reject(error) : resolve(boundPort));
    bare.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
  });
  const answer = await lookupAsReference({ address: `127.0.0.1:${port}`, token: '' }, []);
  bare.forceShutdown();
  expect(answer.code).toBe('UNIMPLEMENTED');
});

function refusal() {
  const info = ErrorInfo.serialize({ reason: 'CAPABILITY_DENIED', domain: 'mcp2' });
  const detail = { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: info };
  const metadata = new Metadata();
  const encoded = Status.serialize({ code: status.PERMISSION_DENIED, message: 'not allowed', details: [detail] });
  metadata.set('grpc-status-details-bin', encoded);
  return { code: status.PERMISSION_DENIED, details: 'not allowed', metadata };
}
