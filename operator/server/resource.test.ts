import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSchema, type Schema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser, type Mcp2Server, type ParseOptions, serverNameOf } from './resource.ts';
import { rulesOf } from './rule-check.ts';
import { TWINS } from './rules.ts';

const DEFINITION = new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url);
const schema = readSchema(readFileSync(DEFINITION, 'utf8'));
const parseMcp2Server = createMcp2ServerParser(schema);

function server(spec: object = {}, change: object = {}): Record<string, unknown> {
  const full = { source: { service: { name: 'db', port: 'grpc' } }, capabilities: [{ name: 'db:a:read' }], ...spec };
  return { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', metadata: { name: 'db' }, spec: full, ...change };
}

function parse(object: unknown, options: Partial<ParseOptions> = {}): Mcp2Server {
  const { ok, problems } = parseMcp2Server(object, { allowLoopback: false, ...options });
  if (!ok) throw new Error(JSON.stringify(problems));
  return ok;
}

/** "path: message", one a problem. */
function problems(object: unknown, options: Partial<ParseOptions> = {}): string[] {
  const found = parseMcp2Server(object, { allowLoopback: false, ...options }).problems ?? [];
  return found.map(({ path, message }) => `${path}: ${message}`);
}

test('every default is filled in', () => {
  expect(parse(server())).toEqual({
    ...server(),
    metadata: { name: 'db', namespace: 'default' },
    spec: {
      source: { service: { name: 'db', port: 'grpc' } },
      capabilities: [{ name: 'db:a:read' }],
      tls: { mode: 'Simple' },
      capabilityMode: 'Intersect',
      readiness: {
        gates: ['Endpoints', 'Handshake'],
        minReadyEndpoints: 1,
        minReadySeconds: 2,
        probe: { intervalSeconds: 30, timeoutSeconds: 3, failureThreshold: 3, successThreshold: 1 },
      },
      registration: { drainSeconds: 20, visibility: { from: 'Same' } },
    },
  });
});

test('the object that was given stays as it was', () => {
  const given = server({ tls: null });
  const copy = structuredClone(given);
  parse(given);
  expect(given).toEqual(copy);
});

test.each([
  'grpc://127.0.0.1:50061',
  'grpc://localhost:50061',
  'grpc://sub.localhost:50061',
  'grpc://[::1]:50061',
  'grpc://127.9.9.9:50061',
])('%s is allowed in standalone mode and nowhere else', (address) => {
  const given = server({ source: { address }, tls: { mode: 'Disabled' } });
  expect(parse(given, { allowLoopback: true }).spec.source.address).toBe(address);
  expect(problems(given)).toEqual([
    'spec.source.address: this host is the node itself, its metadata service, the Kubernetes API or a reserved address; write the host of a server outside the cluster',
  ]);
});

test.each(['0.0.0.0', '169.254.169.254', '[::ffff:7f00:1]', '[fe80::1]', 'kubernetes.default', '224.0.0.1'])(
  '%s is refused in standalone mode too',
  (host) => {
    expect(problems(server({ source: { address: `grpcs://${host}:1` } }), { allowLoopback: true })).toHaveLength(1);
  },
);

test.each([
  ['nothing', undefined, ': write an Mcp2Server with apiVersion, kind, metadata and spec'],
  ['a list', [], ': write an Mcp2Server with apiVersion, kind, metadata and spec'],
  ['another kind', server({}, { kind: 'Mcp2server' }), 'kind: "Mcp2server" is not possible; write Mcp2Server'],
  [
    'another version',
    server({}, { apiVersion: 'mcp2.dev/v1' }),
    'apiVersion: "mcp2.dev/v1" is not possible; write mcp2.dev/v1alpha1',
  ],
  ['no name', server({}, { metadata: {} }), 'metadata.name: is missing; write it'],
  [
    'a bad namespace',
    server({}, { metadata: { name: 'db', namespace: 'A' } }),
    "metadata.namespace: write lower-case letters, digits and '-' that start and end with a letter or a digit",
  ],
  [
    'an unknown field of metadata',
    server({}, { metadata: { name: 'db', label: {} } }),
    'metadata.label: unknown field metadata.label, did you mean labels?',
  ],
  ['an unknown field at the top', server({}, { sepc: {} }), 'sepc: unknown field sepc, did you mean spec?'],
  [
    'an unknown field near none',
    server({ tls: { insecureSkipVerify: true } }),
    'spec.tls.insecureSkipVerify: unknown field spec.tls.insecureSkipVerify; possible here: mode, caBundleRef, serverName',
  ],
  ['a wrong type', server({ capabilities: 'db:a:read' }), 'spec.capabilities: write a list, not a string'],
  ['no type at all', server({ capabilities: [null] }), 'spec.capabilities[0]: write a map, not nothing'],
  [
    'either of two types',
    server({ source: { service: { name: 'db', port: true } } }),
    'spec.source.service.port: write a whole number or a string, not a boolean',
  ],
  [
    'a wrong word',
    server({ capabilityMode: 'declared' }),
    'spec.capabilityMode: "declared" is not possible; write one of Declared, Discovered, Intersect',
  ],
  [
    'too much',
    server({ readiness: { probe: { timeoutSeconds: 61 } } }),
    'spec.readiness.probe.timeoutSeconds: 61 is too large; write at most 60',
  ],
  [
    'too little',
    server({ registration: { drainSeconds: -1 } }),
    'spec.registration.drainSeconds: -1 is too small; write at least 0',
  ],
  ['too few', server({ readiness: { gates: [] } }), 'spec.readiness.gates: write at least 1 entry'],
  [
    'too many',
    server({ registration: { tags: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v'])) } }),
    'spec.registration.tags: has too many entries; write at most 32',
  ],
  ['too long', server({ serverName: 'a'.repeat(64) }), 'spec.serverName: is too long; write at most 63 characters'],
  [
    'one key twice',
    server({ capabilities: [{ name: 'a:b' }, { name: 'a:b' }] }),
    'spec.capabilities[1]: the name "a:b" stands in this list twice; remove one',
  ],
  [
    'one word twice',
    server({ capabilities: [{ name: 'a:b', params: ['x', 'x'] }] }),
    'spec.capabilities[0].params[1]: "x" stands in this list twice; remove one',
  ],
])('%s gets one sentence', (_title, object, expected) => {
  expect(problems(object)).toEqual([expected]);
});

test('everything that is wrong is reported at once, but no rule runs over a broken part', () => {
  const given = server({ source: {}, serverName: '1', capabilities: [{ name: 5 }], tls: { mode: 'Mutual' } });
  expect(problems(given).map((line) => line.split(':')[0])).toEqual([
    'spec.capabilities[0].name',
    'spec.source',
    'spec.serverName',
    'spec.tls.caBundleRef',
  ]);
});

test('what an API server stored may have fields of a newer schema', () => {
  const newer = server({ state: 'Enabled' });
  expect(problems(newer)).toHaveLength(1);
  expect(parse(newer, { ignoreUnknownFields: true }).spec.capabilityMode).toBe('Intersect');
});

test('a field called __proto__ is an unknown field and changes nothing', () => {
  const given = JSON.parse(JSON.stringify(server()).replace('"source"', '"__proto__":{"serverName":"evil"},"source"'));
  expect(problems(given)).toEqual([expect.stringContaining('unknown field spec.__proto__')]);
  expect(parse(given, { ignoreUnknownFields: true }).spec.serverName).toBeUndefined();
});

test('the place of a problem tells a list index from a map key', () => {
  const given = server({ capabilities: [{ name: 'a:b', params: [5] }], registration: { tags: { 5: 5 } } });
  const found = parseMcp2Server(given, { allowLoopback: false }).problems ?? [];
  expect(found.map(({ segments }) => segments)).toEqual([
    ['spec', 'capabilities', 0, 'params', 0],
    ['spec', 'registration', 'tags', '5'],
  ]);
});

test('the server name is the one that was written, else the name of the resource', () => {
  expect(serverNameOf(parse(server()))).toBe('db');
  expect(serverNameOf(parse(server({ serverName: 'InventoryDB_Primary' })))).toBe('InventoryDB_Primary');
});

test('a rule of the definition without a twin stops the start', () => {
  const rule = { rule: 'self.size() > 0', message: 'a new rule' };
  const changed: Schema = { ...schema, 'x-kubernetes-validations': [rule] };
  expect(() => createMcp2ServerParser(changed)).toThrow(
    'the rule "a new rule" of the custom resource definition has no',
  );
});

test('no twin is left over from a rule that is gone', () => {
  const messages = new Set(rulesOf(schema).map(({ message }) => message));
  expect(Object.keys(TWINS).filter((message) => !messages.has(message))).toEqual([]);
});
