import ipaddr from 'ipaddr.js';
import { expect, test } from 'vitest';
import { whyForbidden } from './forbidden-address.ts';

test.each([
  ['a public address', '93.184.216.34', undefined],
  ['a private address', '10.0.0.7', undefined],
  ['shared address space', '100.64.7.1', undefined],
  ['class E, where some clusters have pods', '240.1.2.3', undefined],
  ['a public IPv6 address', '2606:2800:220:1::1', undefined],
  ['a unique local address', 'fd12:3456::1', undefined],
  ['loopback', '127.8.8.8', 'loopback'],
  ['loopback over IPv6', '::1', 'loopback'],
  ['"this network"', '0.1.2.3', 'range'],
  ['the unspecified address', '::', 'range'],
  ['link-local', '169.254.169.254', 'range'],
  ['link-local IPv6', 'fe80::a9fe:a9fe', 'range'],
  ['site-local', 'fec0::1', 'range'],
  ['multicast', '224.0.0.251', 'range'],
  ['multicast IPv6', 'ff02::fb', 'range'],
  ['broadcast', '255.255.255.255', 'range'],
  ['IPv4 mapped', '::ffff:169.254.169.254', 'range'],
  ['IPv4 compatible', '::169.254.169.254', 'range'],
  ['IPv4 translated', '::ffff:0:169.254.169.254', 'range'],
  ['NAT64', '64:ff9b::a9fe:a9fe', 'range'],
  ['NAT64 of local use', '64:ff9b:1::a9fe:a9fe', 'range'],
  ['6to4', '2002:a9fe:a9fe::1', 'range'],
  ['Teredo', '2001:0:a9fe:a9fe::', 'range'],
  ['segment routing', '5f00::1', 'range'],
  ['the discard prefix', '100::1', 'range'],
  ['the metadata of AWS', 'fd00:ec2::254', 'metadata'],
  ['the credentials of EKS pods', 'fd00:0ec2:0::23', 'metadata'],
  ['the metadata of Google Cloud', 'fd20:ce::254', 'metadata'],
  ['the metadata of Oracle Cloud', 'fd00:c1::a9fe:a9fe', 'metadata'],
  ['the metadata of Oracle Cloud, IPv4', '192.0.0.192', 'metadata'],
  ['the metadata of Alibaba Cloud', '100.100.100.200', 'metadata'],
  ['the metadata of Alibaba Cloud, IPv6', 'fd00:100::100:200', 'metadata'],
  ['the metadata of Scaleway', 'fd00:42::42', 'metadata'],
  ['the metadata of Linode', 'fd00:a9fe:a9fe::1', 'metadata'],
  ['the host of Azure', '168.63.129.16', 'metadata'],
])('%s: %s', (_title, text, expected) => {
  expect(whyForbidden(ipaddr.parse(text))).toBe(expected);
});
