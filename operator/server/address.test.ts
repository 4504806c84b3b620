import { expect, test } from 'vitest';
import { isRefusedIp, parseAddress } from './address.ts';

test.each([
  ['grpcs://db.partner.example:443', { scheme: 'grpcs', host: 'db.partner.example', port: 443 }],
  ['grpc://10.0.0.7:50051', { scheme: 'grpc', host: '10.0.0.7', port: 50_051 }],
  ['grpcs://[2001:db8::7]:443', { scheme: 'grpcs', host: '2001:db8::7', port: 443 }],
  ['https://db.partner.example:443', undefined],
  ['grpcs://db.partner.example', undefined],
  ['grpcs://user@db.partner.example:443', undefined],
])('%s is taken apart', (text, expected) => {
  expect(parseAddress(text)).toEqual(expected);
});

// What a harmless name may resolve to, spelled as resolvers spell it.
test.each([
  ['a public address', '93.184.216.34', false, false],
  ['a private address', '10.0.0.7', false, false],
  ['a public IPv6 address', '2606:2800:220:1::1', false, false],
  ['a private IPv6 address', 'fd12:3456::1', false, false],
  ['this machine', '127.0.0.1', true, false],
  ['this machine over IPv6', '::1', true, false],
  ['this machine, IPv4 inside IPv6', '::ffff:127.0.0.1', true, true],
  ['this machine through NAT64', '64:ff9b::7f00:1', true, true],
  ['the unspecified address', '0.0.0.0', true, true],
  ['the unspecified IPv6 address', '::', true, true],
  ['the metadata service', '169.254.169.254', true, true],
  ['the metadata service over IPv6', 'fd00:ec2::254', true, true],
  ['a metadata service elsewhere', '100.100.100.200', true, true],
  ['a link-local address with its zone', 'fe80::1%eth0', true, true],
  ['a multicast address', '224.0.0.251', true, true],
  ['a multicast IPv6 address', 'ff02::fb', true, true],
  ['the broadcast address', '255.255.255.255', true, true],
])('%s, %s, is refused: %s, in standalone mode: %s', (_title, ip, inCluster, standalone) => {
  expect(isRefusedIp(ip, { allowLoopback: false })).toBe(inCluster);
  expect(isRefusedIp(ip, { allowLoopback: true })).toBe(standalone);
});

test('what is no IP address is an error, never allowed', () => {
  expect(() => isRefusedIp('localhost', { allowLoopback: true })).toThrow();
});
