import { describe, expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { checkEndpoint, describeCidrProblem, type EndpointPolicy } from './endpoint-guard.ts';

const OPEN: EndpointPolicy = { allowLoopback: false, allowedSuffixes: [], allowedCidrs: [] };
const DEVELOPMENT: EndpointPolicy = { ...OPEN, allowLoopback: true };
const RESTRICTED: EndpointPolicy = {
  allowLoopback: false,
  allowedSuffixes: ['svc.cluster.local'],
  allowedCidrs: ['10.0.0.0/8', 'fd12::/16'],
};

function outcome(text: string, policy: EndpointPolicy): string {
  try {
    return checkEndpoint(text, policy);
  } catch (error) {
    if (error instanceof ServiceError) return error.reason;
    throw error;
  }
}

describe('an endpoint that callers can reach is stored as host:port', () => {
  test.each([
    ['a host name', 'inventory.shop.svc:55051', 'inventory.shop.svc:55051'],
    ['upper case', 'Inventory.Shop.SVC:55051', 'inventory.shop.svc:55051'],
    ['the dns scheme', 'dns:///inventory:55051', 'inventory:55051'],
    ['a trailing dot', 'inventory.shop.svc.:55051', 'inventory.shop.svc:55051'],
    ['an underscore', 'inventory_db:1', 'inventory_db:1'],
    ['a public IPv4 address', '203.0.113.9:443', '203.0.113.9:443'],
    ['a pod address', '10.0.2.45:55051', '10.0.2.45:55051'],
    ['a pod address of shared space', '100.64.7.1:55051', '100.64.7.1:55051'],
    ['an IPv6 address', '[2A00:1450::0001]:65535', '[2a00:1450::1]:65535'],
    ['a unique local IPv6 address', '[fd12:3456::1]:1', '[fd12:3456::1]:1'],
  ])('%s', (_title, text, stored) => {
    expect(outcome(text, OPEN)).toBe(stored);
  });
});

test.each([
  ['nothing', ''],
  ['no port', 'inventory'],
  ['an empty host', ':55051'],
  ['an empty port', 'inventory:'],
  ['port 0', 'inventory:0'],
  ['a port that is too high', 'inventory:65536'],
  ['a port with a sign', 'inventory:+1'],
  ['a port with a leading zero', 'inventory:055051'],
  ['two ports', 'inventory:1:2'],
  ['an IPv6 address without brackets', '2a00::1:55051'],
  ['an IPv6 address with a zone', '[fe80::1%eth0]:1'],
  ['brackets around a name', '[inventory]:1'],
  ['an open bracket', '[2a00::1:1'],
  ['another scheme', 'http://inventory:1'],
  ['the dns scheme with a resolver', 'dns://8.8.8.8/inventory:1'],
  ['a path', 'inventory:1/path'],
  ['a query', 'inventory?x:1'],
  ['a space', 'inventory :1'],
  ['a line break', 'inventory\n:1'],
  ['a NUL', 'inven\0tory:1'],
  ['a percent escape', '%6cocalhost:1'],
  ['letters that are no ASCII', 'ｌocalhost:1'],
  ['a dotless IPv4 address', '2130706433:1'],
  ['a short IPv4 address', '127.1:1'],
  ['a hexadecimal IPv4 address', '0x7f000001:1'],
  ['a hexadecimal part', '127.0.0.0x1:1'],
  ['an octal part', '0177.0.0.1:1'],
  ['an IPv4 part that is too high', '10.0.0.256:1'],
  ['an IPv4 address with a trailing dot', '127.0.0.1.:1'],
  ['an empty label', 'a..b:1'],
  ['a label of 64 characters', `${'a'.repeat(64)}:1`],
  ['a label with a leading hyphen', '-a:1'],
  ['a name of 254 characters', `${'a.'.repeat(126)}aa:1`],
  ['a megabyte', `${'a'.repeat(1_000_000)}:1`],
])('%s is no endpoint', (_title, text) => {
  expect(outcome(text, DEVELOPMENT)).toBe('ENDPOINT_INVALID');
});

test.each([
  ['a unix socket', 'unix:/run/x.sock'],
  ['a unix socket in capitals', 'UNIX:/run/x.sock'],
  ['an abstract unix socket', 'unix-abstract:x'],
  ['user information', 'user@inventory:1'],
  ['user information behind the scheme', 'dns:///a:b@inventory:1'],
  ['the AWS and GCP metadata address', '169.254.169.254:80'],
  ['another link-local address', '169.254.1.1:80'],
  ['a link-local IPv6 address', '[fe80::1]:80'],
  ['the unspecified address', '0.0.0.0:80'],
  ['the unspecified IPv6 address', '[::]:80'],
  ['an address of "this network"', '0.1.2.3:80'],
  ['multicast', '224.0.0.1:80'],
  ['IPv6 multicast', '[ff02::1]:80'],
  ['broadcast', '255.255.255.255:80'],
  ['an IPv4-mapped address', '[::ffff:169.254.169.254]:80'],
  ['an IPv4-mapped address in hexadecimal', '[::ffff:a9fe:a9fe]:80'],
  ['an IPv4-compatible address', '[::169.254.169.254]:80'],
  ['an address behind NAT64', '[64:ff9b::a9fe:a9fe]:80'],
  ['an address behind 6to4', '[2002:a9fe:a9fe::]:80'],
  ['an address behind Teredo', '[2001:0:a9fe:a9fe::]:80'],
  ['the AWS metadata address over IPv6', '[fd00:ec2::254]:80'],
  ['the GCP metadata address over IPv6', '[fd20:ce::254]:80'],
  ['an address behind NAT64 of local use', '[64:ff9b:1::a9fe:a9fe]:80'],
  ['the Azure host', '168.63.129.16:80'],
  ['the Alibaba metadata address', '100.100.100.200:80'],
  ['the Oracle metadata address', '192.0.0.192:80'],
  ['the GCP metadata name', 'metadata.google.internal:80'],
  ['the GCP metadata name in capitals with a dot', 'Metadata.Google.Internal.:80'],
])('%s is refused even in development', (_title, text) => {
  expect(outcome(text, DEVELOPMENT)).toBe('ENDPOINT_REFUSED');
});

test.each([['localhost:1'], ['LOCALHOST.:1'], ['a.localhost:1'], ['127.0.0.1:1'], ['127.8.8.8:1'], ['[::1]:1']])(
  'the loopback address %s is refused unless the configuration allows it',
  (text) => {
    expect(outcome(text, OPEN)).toBe('ENDPOINT_REFUSED');
    expect(outcome(text, DEVELOPMENT)).not.toBe('ENDPOINT_REFUSED');
  },
);

describe('with configured domains and networks', () => {
  test.each([
    ['a name under the domain', 'inventory.shop.svc.cluster.local:1', 'inventory.shop.svc.cluster.local:1'],
    ['an address in the network', '10.9.8.7:1', '10.9.8.7:1'],
    ['an IPv6 address in the network', '[fd12::9]:1', '[fd12::9]:1'],
    ['another domain', 'evil.example:1', 'ENDPOINT_REFUSED'],
    ['a domain that only ends alike', 'evilsvc.cluster.local:1', 'ENDPOINT_REFUSED'],
    ['an address outside', '11.0.0.1:1', 'ENDPOINT_REFUSED'],
    ['an IPv6 address outside', '[2a00::1]:1', 'ENDPOINT_REFUSED'],
  ])('%s', (_title, text, expected) => {
    expect(outcome(text, RESTRICTED)).toBe(expected);
  });

  test('networks alone refuse every name', () => {
    expect(outcome('inventory:1', { ...RESTRICTED, allowedSuffixes: [] })).toBe('ENDPOINT_REFUSED');
  });
});

test('a configured network must be one', () => {
  expect(describeCidrProblem('10.0.0.0/8')).toBeUndefined();
  expect(describeCidrProblem('fd12::/16')).toBeUndefined();
  expect(describeCidrProblem('10.0.0.0')).toMatch(/no network/);
});
