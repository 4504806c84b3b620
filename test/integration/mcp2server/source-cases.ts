/** `spec.source` and `spec.tls`: where a server is and how connections to it are secured. */
import { bad, type Case, good, SERVICE, server } from './case.ts';

export function sourceCases(): Case[] {
  const one = 'write exactly one of service and address';
  const name = "write the name of a Service, which has lower-case letters, digits and '-' and starts with a letter";
  const port = 'write the name of a port of the Service, or its number from 1 to 65535';
  const service = (given: object) => server({ source: { service: given } });
  return [
    good('a service by port number', service({ name: 'db', port: 65_535 })),
    good('a service by port name of 15 characters', service({ name: 'db', port: 'a23456789012345' })),
    good('a service name of 63 characters', service({ name: `a${'b'.repeat(62)}`, port: 1 })),
    bad('no source', server({ source: undefined }), 'spec.source'),
    bad('an empty source', server({ source: {} }), 'spec.source', one),
    bad('both sources', server({ source: { ...SERVICE, address: 'grpcs://db.example:443' } }), 'spec.source', one),
    bad('a service without a name', service({ port: 'grpc' }), 'spec.source.service.name'),
    bad('a service without a port', service({ name: 'db' }), 'spec.source.service.port'),
    bad('a service name of 64 characters', service({ name: 'b'.repeat(64), port: 1 }), 'spec.source.service.name'),
    bad('a service name with a dot', service({ name: 'db.shop', port: 1 }), 'spec.source.service.name', name),
    bad('a service name that starts with a digit', service({ name: '1db', port: 1 }), 'spec.source.service.name', name),
    bad('a port 0', service({ name: 'db', port: 0 }), 'spec.source.service.port', port),
    bad('a port above 65535', service({ name: 'db', port: 65_536 }), 'spec.source.service.port', port),
    bad('a port number as text', service({ name: 'db', port: '50051' }), 'spec.source.service.port', port),
    bad('a port name in capitals', service({ name: 'db', port: 'GRPC' }), 'spec.source.service.port', port),
    bad('a port name of 16 characters', service({ name: 'db', port: 'a234567890123456' }), 'spec.source.service.port'),
    bad('a port with a fraction', service({ name: 'db', port: 1.5 }), 'spec.source.service.port'),
  ];
}

export function addressCases(): Case[] {
  const grammar =
    'write grpcs://host:port or grpc://host:port with a DNS name, an IPv4 address or an IPv6 address in brackets, and a port from 1 to 65535; no path, no user';
  const brackets = 'what stands between the brackets is no IPv6 address; write for example grpcs://[2001:db8::7]:443';
  const target =
    'this host is the node itself, its metadata service, the Kubernetes API or a reserved address; write the host of a server outside the cluster';
  const label = 'a'.repeat(63);
  const allowed = ['db.partner.example', 'DB', 'xn--bcher-kva.example', '10.0.0.7', '192.168.1.255', '[2001:db8::7]']
    .concat(['[fd12:3456::1]', 'kubernetes.example', 'localhost.example', 'metadata.example', `${label}.${label}.de`])
    .concat(['126.255.255.255', '128.0.0.1', '169.253.0.1', '223.255.255.255', '1.0.0.0', '[1000::1]', '[fdff::1]']);
  const refused = ['localhost', 'LocalHost', 'a.localhost', 'localhost.localdomain', 'ip6-localhost', 'ip6-loopback']
    .concat(['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '169.254.169.254', '169.254.0.1', '224.0.0.1'])
    .concat(['239.1.2.3', '240.0.0.1', '255.255.255.255', '100.100.100.200', '168.63.129.16', '192.0.0.192'])
    .concat(['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::7f00:1]', '[::ffff:7f00:1]', '[0000:0:0:0:0:ffff:7f00:1]'])
    .concat(['[64:ff9b::7f00:1]', '[fe80::1]', '[FE80::1]', '[febf::1]', '[fec0::1]', '[ff02::1]', '[fd00:ec2::254]'])
    .concat(['[fd00:0ec2::254]', '[fff::1]', 'kubernetes', 'kubernetes.default', 'Kubernetes.Default.Svc'])
    .concat(['kubernetes.default.svc.cluster.local', 'metadata', 'metadata.google.internal', 'instance-data'])
    .concat(['instance-data.ec2.internal']);
  const malformed = ['http://db.example:443', 'db.example:443', 'grpcs://db.example', 'grpcs://db.example:443/']
    .concat(['grpcs://db.example:443/path', 'grpcs://db.example:443?a=b', 'grpcs://db.example:443#a', 'grpcs://:443'])
    .concat(['grpcs://user@db.example:443', 'grpcs://user:secret@db.example:443', 'GRPCS://db.example:443', ''])
    .concat(['grpcs://db.example:0', 'grpcs://db.example:65536', 'grpcs://db.example:0443', 'grpcs://db.example:99999'])
    .concat(['grpcs://db.example.:443', 'grpcs://db..example:443', 'grpcs://-db:443', 'grpcs://db_1:443'])
    .concat(['grpcs://127.1:443', 'grpcs://2130706433:443', 'grpcs://0x7f.0.0.1:443', 'grpcs://0x7f000001:443'])
    .concat(['grpcs://010.0.0.1:443', 'grpcs://256.0.0.1:443', 'grpcs://1.2.3:443', 'grpcs://1.2.3.4.5:443'])
    .concat([
      'grpcs://2001:db8::7:443',
      'grpcs://[fe80::1%25eth0]:443',
      'grpcs://[]:443',
      'grpcs://[::ffff:1.2.3.4]:443',
    ])
    .concat(['grpcs://[::1', 'grpcs://[::1:443', 'grpcs://]::1[:443', 'grpcs://]x[1]:443'])
    .concat([
      ' grpcs://db.example:443',
      'grpcs://db.example:443\n',
      'grpcs://db example:443',
      'grpcs://dbé.example:443',
    ])
    .concat([`grpcs://${label}a.example:443`]);
  const address = (text: string) => server({ source: { address: text } });
  const path = 'spec.source.address';
  return [
    ...allowed.map((host) => good(`the host ${host}`, address(`grpcs://${host}:443`))),
    ...refused.map((host) => bad(`the host ${host}`, address(`grpcs://${host}:443`), path, target)),
    ...malformed.map((text) => bad(`the address ${JSON.stringify(text)}`, address(text), path, grammar)),
    ...['[:::]', '[1:2:3]', '[2001:db8::7::1]', '[12345::1]'].map((host) =>
      bad(`the host ${host}`, address(`grpcs://${host}:443`), path, brackets),
    ),
    good('port 1', address('grpcs://db.example:1')),
    good('port 65535', address('grpcs://db.example:65535')),
    bad('an address of 268 characters', address(`grpcs://${'a.'.repeat(127)}com:443`), path),
  ];
}

export function tlsCases(): Case[] {
  const disagree =
    'source.address and tls.mode disagree; write grpcs:// with mode Simple or Mutual, or grpc:// with mode Disabled';
  const mutual = 'mode Mutual needs a trust root; write caBundleRef: {kind: ConfigMap, name: …, key: ca.crt}';
  const dns = 'write a DNS name without port or scheme, for example inventory-db.shop.svc';
  const mapName = "write the name of a ConfigMap, which has lower-case letters, digits, '-' and '.'";
  const mapKey = "write a key of the ConfigMap, which has letters, digits, '-', '_' and '.', for example ca.crt";
  const ref = { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' };
  const withRef = (change: object) => server({ tls: { mode: 'Mutual', caBundleRef: { ...ref, ...change } } });
  const plain = { address: 'grpc://db.example:80' };
  const secure = { address: 'grpcs://db.example:443' };
  return [
    good('plaintext to an address', server({ source: plain, tls: { mode: 'Disabled' } })),
    good('plaintext to a service', server({ tls: { mode: 'Disabled' } })),
    good('Mutual to an address', server({ source: secure, tls: { mode: 'Mutual', caBundleRef: ref } })),
    bad('grpc:// with the default mode', server({ source: plain }), 'spec.source.address', disagree),
    bad(
      'grpcs:// with Disabled',
      server({ source: secure, tls: { mode: 'Disabled' } }),
      'spec.source.address',
      disagree,
    ),
    bad('Mutual without a trust root', server({ tls: { mode: 'Mutual' } }), 'spec.tls.caBundleRef', mutual),
    bad('an unknown mode', server({ tls: { mode: 'simple' } }), 'spec.tls.mode'),
    good('Simple with a trust root', server({ tls: { caBundleRef: ref } })),
    bad('a trust root in a Secret', withRef({ kind: 'Secret' }), 'spec.tls.caBundleRef.kind'),
    bad('a trust root without kind', withRef({ kind: undefined }), 'spec.tls.caBundleRef.kind'),
    bad('a trust root without name', withRef({ name: undefined }), 'spec.tls.caBundleRef.name'),
    bad('a trust root without key', withRef({ key: undefined }), 'spec.tls.caBundleRef.key'),
    good('a trust root with long names', withRef({ name: 'a'.repeat(253), key: 'B'.repeat(253) })),
    bad('a ConfigMap name of 254 characters', withRef({ name: 'a'.repeat(254) }), 'spec.tls.caBundleRef.name'),
    bad('a key of 254 characters', withRef({ key: 'a'.repeat(254) }), 'spec.tls.caBundleRef.key'),
    bad('a ConfigMap name with a slash', withRef({ name: 'a/b' }), 'spec.tls.caBundleRef.name', mapName),
    bad('a key with a slash', withRef({ key: '../ca.crt' }), 'spec.tls.caBundleRef.key', mapKey),
    good('a certificate name', server({ tls: { serverName: 'db.shop.svc' } })),
    bad('a certificate name with a port', server({ tls: { serverName: 'db:443' } }), 'spec.tls.serverName', dns),
    bad('an empty certificate name', server({ tls: { serverName: '' } }), 'spec.tls.serverName', dns),
    good('a certificate name of 253 characters', server({ tls: { serverName: `${'a.'.repeat(126)}b` } })),
    bad('one of 254 characters', server({ tls: { serverName: `${'a.'.repeat(126)}bc` } }), 'spec.tls.serverName'),
  ];
}
