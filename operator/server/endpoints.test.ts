import { expect, test } from 'vitest';
import { type EndpointSlice, instanceIdOf, resolveService, type SliceEndpoint } from './endpoints.ts';

const service = {
  spec: {
    ports: [
      { name: 'grpc', port: 80 },
      { name: 'metrics', port: 9090 },
    ],
  },
};

function slice(...endpoints: readonly SliceEndpoint[]): EndpointSlice {
  return { addressType: 'IPv4', ports: [{ name: 'grpc', port: 55051 }], endpoints };
}

function states(...slices: readonly EndpointSlice[]) {
  const resolution = resolveService(service, slices, 'grpc');
  if (resolution.kind !== 'resolved') throw new Error(resolution.kind);
  return { states: resolution.candidates.map(({ url, state }) => `${url} ${state}`), total: resolution.total };
}

test.each<[string, SliceEndpoint['conditions'], string[]]>([
  ['no conditions at all mean ready', undefined, ['10.0.0.1:55051 ready']],
  ['null ready means ready', { ready: null }, ['10.0.0.1:55051 ready']],
  ['ready false is left out', { ready: false }, []],
  [
    'serving and terminating is draining',
    { ready: false, serving: true, terminating: true },
    ['10.0.0.1:55051 draining'],
  ],
  ['terminating without serving takes ready for it', { ready: false, terminating: true }, []],
])('%s', (_title, conditions, expected) => {
  const endpoint = { addresses: ['10.0.0.1'], ...(conditions ? { conditions } : {}) };
  expect(states(slice(endpoint))).toEqual({ states: expected, total: 1 });
});

test('the same address in two slices is one endpoint, and ready wins', () => {
  const gone = { addresses: ['10.0.0.1'], conditions: { ready: false } };
  const ready = { addresses: ['10.0.0.1'], conditions: { ready: true } };
  expect(states(slice(gone), slice(ready))).toEqual({ states: ['10.0.0.1:55051 ready'], total: 1 });
  expect(states(slice(ready), slice(gone))).toEqual({ states: ['10.0.0.1:55051 ready'], total: 1 });
});

test('a pod is identified by its uid, anything else by its url', () => {
  const resolution = resolveService(
    service,
    [slice({ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', uid: 'pod-1' } }, { addresses: ['10.0.0.2'] })],
    'grpc',
  );
  const ids = resolution.kind === 'resolved' ? resolution.candidates.map(({ instanceId }) => instanceId) : [];
  expect(ids.sort()).toEqual([instanceIdOf('10.0.0.2:55051'), 'pod-1'].sort());
  expect(instanceIdOf('10.0.0.2:55051')).toMatch(/^[a-z2-7]{26}$/);
});

test.each([
  ['no uid at all', ''],
  ['what no store key and no page token can hold', 'a/../b\n'],
  ['more than any uid has', 'a'.repeat(65)],
])('a targetRef that claims %s is not believed', (_title, uid) => {
  const resolution = resolveService(
    service,
    [slice({ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', uid } })],
    'grpc',
  );
  expect(resolution).toMatchObject({ candidates: [{ instanceId: instanceIdOf('10.0.0.1:55051') }] });
});

test('two addresses of one pod are two endpoints, each with a verdict of its own', () => {
  const targetRef = { kind: 'Pod', uid: 'pod-1' };
  const v6 = { ...slice({ addresses: ['fd00::1'], targetRef }), addressType: 'IPv6' };
  const resolution = resolveService(service, [v6, slice({ addresses: ['10.0.0.1'], targetRef })], 'grpc');
  expect(resolution).toMatchObject({
    candidates: expect.arrayContaining([
      expect.objectContaining({ url: '10.0.0.1:55051', instanceId: 'pod-1' }),
      expect.objectContaining({ url: '[fd00::1]:55051', instanceId: instanceIdOf('[fd00::1]:55051') }),
    ]),
  });
});

test.each([
  ['the metadata service', '100.100.100.200'],
  ['loopback', '127.0.0.1'],
  ['IPv4 inside IPv6', '::ffff:169.254.169.254'],
  ['an address that resolvers read as octal', '0177.0.0.1'],
  ['a name', 'evil.example'],
])('%s in a slice is never an endpoint', (_title, address) => {
  expect(states(slice({ addresses: [address] }))).toEqual({ states: [], total: 1 });
});

test('a zone that is no label value is left out', () => {
  const zones = ['eu-1a', 'eu\u001b[2J', 'z'.repeat(64)];
  const endpoints = zones.map((zone, i) => ({ addresses: [`10.0.0.${i}`], zone }));
  const resolution = resolveService(service, [slice(...endpoints)], 'grpc');
  const found = resolution.kind === 'resolved' ? resolution.candidates.flatMap(({ zone }) => zone ?? []) : [];
  expect(found).toEqual(['eu-1a']);
});

test('a port is found by name or number, and the others are named when it is not', () => {
  expect(resolveService(service, [slice({ addresses: ['10.0.0.1'] })], '80').kind).toBe('resolved');
  expect(resolveService(service, [], 'http')).toEqual({ kind: 'port-not-found', available: ['grpc', 'metrics'] });
});

test('an absent Service and an ExternalName Service are told apart', () => {
  expect(resolveService(undefined, [], 'grpc').kind).toBe('service-not-found');
  expect(resolveService({ spec: { type: 'ExternalName' } }, [], 'grpc').kind).toBe('external-name');
});

test('IPv6 addresses are bracketed and name addresses are left to address sources', () => {
  const v6 = { ...slice({ addresses: ['fd00::1'] }), addressType: 'IPv6' };
  const fqdn = { ...slice({ addresses: ['db.example'] }), addressType: 'FQDN' };
  expect(states(v6, fqdn)).toEqual({ states: ['[fd00::1]:55051 ready'], total: 1 });
});

test('publishNotReadyAddresses is warned about', () => {
  const lying = { spec: { ...service.spec, publishNotReadyAddresses: true } };
  expect(resolveService(lying, [], 'grpc')).toMatchObject({
    warning: expect.stringContaining('publishNotReadyAddresses'),
  });
});
