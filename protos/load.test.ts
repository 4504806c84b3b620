import { expect, test } from 'vitest';
import { Health } from './generated/mcp2/Health.ts';
import { loadServices, loadStatusMessages } from './load.ts';

const services = loadServices();

test('every service of the protocol is there with its methods and their kinds', () => {
  const kinds = Object.entries(services).flatMap(([service, definition]) =>
    Object.values(definition as Record<string, { path: string; requestStream: boolean; responseStream: boolean }>).map(
      ({ path, requestStream, responseStream }) => {
        expect(path.startsWith(`/mcp2.${service}/`)).toBe(true);
        return `${path} ${requestStream ? 'stream' : 'one'} ${responseStream ? 'stream' : 'one'}`;
      },
    ),
  );
  expect(kinds.sort()).toEqual([
    '/mcp2.ContextTool/InvokeTool one one',
    '/mcp2.ContextTool/InvokeToolStream stream stream',
    '/mcp2.ContextTool/MultiModalExchange stream stream',
    '/mcp2.ContextTool/PublishTelemetry stream one',
    '/mcp2.ContextTool/RequestContext one one',
    '/mcp2.ContextTool/SubscribeTelemetry one stream',
    '/mcp2.ContextTool/UploadContext stream one',
    '/mcp2.Discovery/Deregister one one',
    '/mcp2.Discovery/GetCard one one',
    '/mcp2.Discovery/Heartbeat stream stream',
    '/mcp2.Discovery/Lookup one one',
    '/mcp2.Discovery/Register one one',
    '/mcp2.Discovery/Watch one stream',
    '/mcp2.EventBus/Ack one one',
    '/mcp2.EventBus/DeleteSubscription one one',
    '/mcp2.EventBus/ListSubscriptions one one',
    '/mcp2.EventBus/ListTopics one one',
    '/mcp2.EventBus/Publish one one',
    '/mcp2.EventBus/PublishStream stream stream',
    '/mcp2.EventBus/Subscribe one stream',
    '/mcp2.ServiceInfo/GetCard one one',
    '/mcp2.TokenService/Exchange one one',
    '/mcp2.TokenService/GetJwks one one',
    '/mcp2.TokenService/Revoke one one',
    '/mcp2.TokenService/WatchRevocations one stream',
  ]);
});

test('a handler sees every scalar, list and map that was left out, and null for a message', () => {
  const { requestDeserialize } = services.Discovery.Register;
  const request = requestDeserialize(Buffer.alloc(0));
  expect(request).toMatchObject({ server_name: '', capabilities: [], tags: {}, ttl_seconds: 0, card: null, acl: null });
  expect(request.lease_token).toEqual(Buffer.alloc(0));
});

test('an optional number that is zero differs from one that is absent', () => {
  const { requestSerialize, requestDeserialize } = services.EventBus.Publish;
  expect(requestDeserialize(requestSerialize({ expected_last_sequence: 0 }))).toMatchObject({
    expected_last_sequence: 0,
    _expected_last_sequence: 'expected_last_sequence',
  });
  expect(requestDeserialize(requestSerialize({}))._expected_last_sequence).toBeUndefined();
});

test('64-bit numbers are exact up to the largest safe integer', () => {
  const { responseSerialize, responseDeserialize } = services.Discovery.Lookup;
  const revision = Number.MAX_SAFE_INTEGER;
  expect(responseDeserialize(responseSerialize({ revision })).revision).toBe(revision);
});

test('an enum value of a later version arrives as its number, not as the zero value', () => {
  const { requestDeserialize } = services.Discovery.Heartbeat;
  const healthField = (5 << 3) | 0;
  expect(requestDeserialize(Buffer.from([healthField, 3])).health).toBe(Health.HEALTH_DRAINING);
  expect(requestDeserialize(Buffer.from([healthField, 99])).health).toBe(99);
});

test('a parameter written as a string by a peer of the reference protocol arrives as its UTF-8 bytes', () => {
  const { requestDeserialize } = services.ContextTool.RequestContext;
  const entry = Buffer.concat([Buffer.from([0x0a, 1]), Buffer.from('k'), Buffer.from([0x12, 3]), Buffer.from('€')]);
  const request = requestDeserialize(Buffer.concat([Buffer.from([0x12, entry.length]), entry]));
  expect(request.parameters).toEqual({ k: Buffer.from('€') });
});

test('a frame names the member that is set', () => {
  const { requestSerialize, requestDeserialize } = services.ContextTool.MultiModalExchange;
  const frame = requestDeserialize(requestSerialize({ text: { content: 'a', sequence: 1 } }));
  expect(frame.data).toBe('text');
  expect(frame.text).toEqual({ content: 'a', sequence: 1, last: false });
});

test('a status carries its details as google.rpc messages', () => {
  const { Status, ErrorInfo } = loadStatusMessages();
  const value = ErrorInfo.serialize({ reason: 'CAPABILITY_DENIED', domain: 'mcp2', metadata: { required: 'tool:x' } });
  const type_url = 'type.googleapis.com/google.rpc.ErrorInfo';
  const decoded = Status.deserialize(Status.serialize({ code: 7, message: 'no', details: [{ type_url, value }] }));
  expect(decoded).toMatchObject({ code: 7, message: 'no', details: [{ type_url, value }] });
  expect(ErrorInfo.deserialize(value)).toEqual({
    reason: 'CAPABILITY_DENIED',
    domain: 'mcp2',
    metadata: { required: 'tool:x' },
  });
});

test('the map key __proto__ is an entry like any other, so that a handler can see and refuse it', () => {
  const key = Buffer.from('__proto__');
  const entry = Buffer.concat([Buffer.from([0x0a, key.length]), key, Buffer.from([0x12, 1]), Buffer.from('x')]);
  const tagsField = (5 << 3) | 2;
  const { tags } = services.Discovery.Register.requestDeserialize(
    Buffer.concat([Buffer.from([tagsField, entry.length]), entry]),
  );
  expect(Object.entries(tags)).toEqual([['__proto__', 'x']]);
  expect(Object.getPrototypeOf(tags)).toBe(Object.prototype);
});
