/** What the SDKs export is a promise: a name is added or taken away here as well, on purpose. */
import { expect, test } from 'vitest';
import { readSources } from './repository.ts';

const CLIENT: readonly string[] = [
  // Values.
  'CallError',
  'NotConfigured',
  'ToolFailure',
  'connect',
  'fromCloudEvent',
  'loadServices',
  'toCloudEvent',
  'tokenFile',
  // Types.
  'Attempt',
  'CallOptions',
  'Card',
  'CardContext',
  'CardSchema',
  'CardTool',
  'ClientCall',
  'ClientReason',
  'CloudEvent',
  'CloudEventMessage',
  'ConnectOptions',
  'ContextOptions',
  'ContextResult',
  'Endpoint',
  'EndpointQuery',
  'EventCallOptions',
  'EventPayload',
  'Gap',
  'Handler',
  'LookupAnswer',
  'LookupOptions',
  'LookupRequest',
  'Mcp2Client',
  'MethodInfo',
  'Middleware',
  'PublishOptions',
  'PublishableEvent',
  'Published',
  'Publisher',
  'PublisherOptions',
  'Reason',
  'ReceivedEvent',
  'Resume',
  'Services',
  'StartPosition',
  'SubscribeOptions',
  'Subscription',
  'SubscriptionInfo',
  'TargetOptions',
  'TokenSource',
  'ToolOptions',
  'ToolResult',
  'TopicInfo',
];

const SERVER: readonly string[] = [
  // Values.
  'CallError',
  'DeclarationError',
  'NotConfigured',
  'ServiceError',
  'ToolFailed',
  'ToolResult',
  'createServer',
  'loadServices',
  'tokenFile',
  // Types.
  'ArgumentsOf',
  'Call',
  'Caller',
  'ContentPiece',
  'ContextHandler',
  'ContextOptions',
  'CreateServerOptions',
  'EventPayload',
  'Handler',
  'JsonObject',
  'JsonSchema',
  'ListenOptions',
  'ListeningPorts',
  'Logger',
  'Mcp2Server',
  'MethodInfo',
  'Middleware',
  'PublishOptions',
  'Published',
  'Publisher',
  'PublisherOptions',
  'Reason',
  'RegisterOptions',
  'ResultOf',
  'Schema',
  'SegmentsOf',
  'ServerCall',
  'ServerToken',
  'ServiceErrorOptions',
  'Services',
  'StandardSchema',
  'TokenSource',
  'ToolHandler',
  'ToolOptions',
  'TrustOptions',
];

test.each([
  ['mcp2/client', 'sdk/client/index.ts', CLIENT],
  ['mcp2/server', 'sdk/server/index.ts', SERVER],
])('%s exports these names and no other', (_title, path, names) => {
  const text = readSources().find((source) => source.path === path)?.text ?? '';
  expect(exportedNames(text)).toEqual([...names].sort());
});

test('every way to export a name is seen', () => {
  const text = "export { type A, b } from './a.ts';\nexport type { C as D } from './c.ts';\nexport const e = 1;\n";
  expect(exportedNames(text)).toEqual(['A', 'D', 'b', 'e'].sort());
  expect(() => exportedNames("export * from './a.ts';")).toThrow(/\*/);
});

function exportedNames(text: string): string[] {
  if (/^export \*/m.test(text)) throw new Error('export * hides what is exported');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','));
  const named = lists.map(
    (entry) =>
      entry
        .trim()
        .replace(/^type /, '')
        .split(' as ')
        .at(-1) ?? '',
  );
  const declared = [...text.matchAll(/^export (?:const|function|class|interface|type) (\w+)/gm)].map(
    ([, name]) => name ?? '',
  );
  return [...named, ...declared].filter((name) => name !== '').sort();
}
