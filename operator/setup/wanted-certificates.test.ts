import { expect, test } from 'vitest';
import { readSetupConfig } from './config.ts';
import { wantedCertificates, wantedEtcdCertificates } from './wanted-certificates.ts';

const config = readSetupConfig('prepare', {
  MCP2_SETUP_NAME: 'mcp2',
  POD_NAMESPACE: 'mcp2-system',
  MCP2_SETUP_SERVERS: 'event-bus,registry',
  MCP2_SETUP_CLIENTS: 'event-bus,operator',
  MCP2_SETUP_STORE_RIGHTS: 'operator:read:/,operator:write:/servers/,registry:read:/',
});

test('a server is called by the names of its Service, a client only shows who it is, and one may be both', () => {
  const wanted = wantedCertificates(config);
  expect(wanted.map(({ secret, purposes }) => [secret, ...purposes])).toEqual([
    ['mcp2-event-bus-tls', 'server', 'client'],
    ['mcp2-registry-tls', 'server'],
    ['mcp2-operator-tls', 'client'],
  ]);
  expect(wanted[2]?.names).toEqual([]);
  expect(wanted[1]?.names).toEqual([
    'DNS:mcp2-registry',
    'DNS:mcp2-registry.mcp2-system',
    'DNS:mcp2-registry.mcp2-system.svc',
    'DNS:mcp2-registry.mcp2-system.svc.cluster.local',
    'DNS:localhost',
  ]);
});

test('the common name of an etcd client is its user; the members have none', () => {
  const wanted = wantedEtcdCertificates(config);
  expect(wanted.map(({ secret, commonName }) => [secret, commonName])).toEqual([
    ['mcp2-etcd-tls', undefined],
    ['mcp2-operator-etcd-tls', 'mcp2-operator'],
    ['mcp2-registry-etcd-tls', 'mcp2-registry'],
    ['mcp2-setup-etcd-tls', 'root'],
  ]);
  expect(wanted[0]?.names).toEqual([
    'DNS:mcp2-etcd',
    'DNS:mcp2-etcd.mcp2-system',
    'DNS:mcp2-etcd.mcp2-system.svc',
    'DNS:mcp2-etcd.mcp2-system.svc.cluster.local',
    'DNS:mcp2-etcd-peers.mcp2-system.svc',
    'DNS:mcp2-etcd-peers.mcp2-system.svc.cluster.local',
    'DNS:*.mcp2-etcd-peers.mcp2-system.svc',
    'DNS:*.mcp2-etcd-peers.mcp2-system.svc.cluster.local',
    'DNS:localhost',
    'IP:127.0.0.1',
  ]);
});
