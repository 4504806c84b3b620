/** Names of other people's making, from the DNS to the address that is dialled. */
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasReason } from '#lib/errors.ts';
import { createDial } from '#lib/net/dial.ts';
import { createDnsLookup, readResolverSettings } from '#lib/net/name-lookup.ts';
import { startDnsServer, type Zone } from '../harness/dns-server.ts';
import { createWorkspace } from '../harness/processes.ts';

const never = new AbortController().signal;

async function resolving(zone: Zone, settings = { search: [] as readonly string[], ndots: 1 }) {
  const server = await startDnsServer(zone);
  const lookup = createDnsLookup({ ...settings, servers: [server.address] });
  return { server, lookup, dial: createDial({ allowLoopback: false, lookup }) };
}

test('a name is dialled by its first address, IPv4 before IPv6', async () => {
  const { server, dial } = await resolving(() => ['2001:db8::7', '10.0.0.7']);
  await using _ = server;
  expect(await dial('db.partner.example:443', never)).toBe('10.0.0.7:443');
});

test.each([
  ['this machine', ['127.0.0.1']],
  ['the metadata service', ['169.254.169.254']],
  ['the metadata service, IPv4 inside IPv6', ['::ffff:169.254.169.254']],
  ['the metadata service of an IPv6 network', ['fd20:ce::254']],
  ['a good address and a forbidden one', ['10.0.0.7', '::1']],
])('a name that leads to %s is refused', async (_title, addresses) => {
  const { server, dial } = await resolving(() => addresses);
  await using _ = server;
  await expect(dial('evil.example:443', never)).rejects.toSatisfy((error) => hasReason(error, 'ENDPOINT_REFUSED'));
});

test('a name that answers something else the second time is not asked a second time', async () => {
  let asked = 0;
  const { server, dial } = await resolving((name) => {
    asked += 1;
    return name === 'rebind.example' && asked <= 2 ? ['10.0.0.7'] : ['127.0.0.1'];
  });
  await using _ = server;
  expect(await dial('rebind.example:443', never)).toBe('10.0.0.7:443');
  expect(server.asked).toEqual(['rebind.example', 'rebind.example']); // A and AAAA
});

test('a short name is tried under the domains of the pod, a long one as it is first', async () => {
  const { server, lookup } = await resolving(
    (name) => (name === 'db.shop.svc.cluster.local' || name === 'db.partner.example' ? ['10.0.0.7'] : undefined),
    { search: ['svc.cluster.local', 'cluster.local'], ndots: 2 },
  );
  await using _ = server;
  expect(await lookup('db.shop', never)).toEqual(['10.0.0.7']);
  expect(await lookup('db.partner.example', never)).toEqual(['10.0.0.7']);
  expect(new Set(server.asked)).toEqual(new Set(['db.shop.svc.cluster.local', 'db.partner.example']));
  await expect(lookup('absent', never)).rejects.toThrow();
});

test('names whose server never answers hold up no file, and end with their signal', async () => {
  const { server, lookup } = await resolving(() => 'silent');
  await using _ = server;
  const stop = new AbortController();
  const lookups = Array.from({ length: 100 }, (__, i) => lookup(`slow${i}.example`, stop.signal));
  const ended = Promise.allSettled(lookups);
  const beganMs = performance.now();
  await readFile(new URL(import.meta.url));
  expect(performance.now() - beganMs).toBeLessThan(1_000);
  stop.abort(new Error('enough'));
  const reasons = (await ended).map((result) => (result.status === 'rejected' ? result.reason.message : 'resolved'));
  expect(new Set(reasons)).toEqual(new Set(['enough']));
  expect(performance.now() - beganMs).toBeLessThan(2_000);
});

test('resolv.conf says the domains and when they come first', () => {
  const file = join(createWorkspace('resolver').folder, 'resolv.conf');
  writeFileSync(
    file,
    '# cluster\nnameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local\noptions ndots:5 edns0\n',
  );
  expect(readResolverSettings(file)).toEqual({ search: ['shop.svc.cluster.local', 'svc.cluster.local'], ndots: 5 });
  writeFileSync(file, '');
  expect(readResolverSettings(file)).toEqual({ search: [], ndots: 1 });
});
