import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, overlaps, type Pattern } from '#lib/capability/pattern.ts';
import { encodeInstanceRecord, type InstanceRecord } from '#lib/store/instances.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Owner } from '#lib/store/owner.ts';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import { RegistrationTable } from './registration-table.ts';

const keys = createKeys();
const VISIBILITY = { visibleTo: [], requiredCapabilities: [] };
const OPERATOR: Owner = { manager: 'mcp2-operator', installation: 'i', namespace: 'shop', name: 'db', uid: 'u' };
const registeredBy = (sub: string): Owner => ({ manager: 'register', sub });

function server(name: string, owner: Owner, capabilities: readonly string[]): string {
  const endpoint = {
    instanceId: 'pod-1',
    url: '10.0.0.1:1',
    transport: 'TLS',
    health: 'SERVING',
    weight: 100,
  } as const;
  return encodeServerRecord(
    sealServerRecord({
      name,
      owner,
      capabilities,
      tags: { 'topology.kubernetes.io/region': 'eu-1' },
      version: '1.2.3',
      visibility: VISIBILITY,
      cardDigest: '',
      endpoints: owner.manager === 'register' ? [] : [endpoint],
    }),
  );
}

function instance(serverName: string, sub: string, changes: Partial<InstanceRecord> = {}): string {
  return encodeInstanceRecord({
    serverName,
    sub,
    endpoint: { instanceId: 'a', url: '10.0.0.2:1', transport: 'UNKNOWN', health: 'SERVING', weight: 100 },
    capabilities: ['db:a:read'],
    tags: {},
    version: '',
    visibility: VISIBILITY,
    loadPermille: 0,
    ttlSeconds: 30,
    leaseTokenHash: '',
    ...changes,
  });
}

let revision = 0;
const entry = (key: string, value: string) => ({ key, value, modRevision: ++revision });
const pattern = (text: string) => compilePattern(text) as Pattern;

function urlsFor(table: RegistrationTable, filter: string): string[] {
  return [...table.find(pattern(filter))].flatMap(({ endpoints }) => endpoints.map(({ url }) => url)).sort();
}

describe('a server and its instances', () => {
  test('an instance is found once its server record names the same owner, in whatever order they arrive', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.instance('DB', 'a'), instance('DB', 'shop.db')));
    expect(urlsFor(table, 'db:a:read')).toEqual([]);
    table.put(entry(keys.server('DB'), server('DB', registeredBy('shop.db'), [])));
    expect(urlsFor(table, 'db:a:read')).toEqual(['10.0.0.2:1']);
  });

  test('taking a name over hides the instances of the owner before, and giving it back shows them again', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.server('DB'), server('DB', registeredBy('shop.db'), ['db:a:read'])));
    table.put(entry(keys.instance('DB', 'a'), instance('DB', 'shop.db')));
    table.put(entry(keys.server('DB'), server('DB', registeredBy('evil.db'), ['db:a:read'])));
    expect(urlsFor(table, 'db:a:read')).toEqual([]);
    table.put(entry(keys.server('DB'), server('DB', OPERATOR, ['db:a:read'])));
    expect(urlsFor(table, 'db:a:read')).toEqual(['10.0.0.1:1']);
    table.put(entry(keys.server('DB'), server('DB', registeredBy('shop.db'), ['db:a:read'])));
    expect(urlsFor(table, 'db:a:read')).toEqual(['10.0.0.2:1']);
  });

  test('a changed record is found by what it says now and not by what it said before', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.server('DB'), server('DB', OPERATOR, ['db:old'])));
    table.put(entry(keys.server('DB'), server('DB', OPERATOR, ['db:new'])));
    expect(urlsFor(table, 'db:old')).toEqual([]);
    expect(urlsFor(table, 'db:new')).toEqual(['10.0.0.1:1']);
  });

  test('what is removed is gone, and the table is as empty as before', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.server('DB'), server('DB', registeredBy('s'), ['db:a:read'])));
    table.put(entry(keys.instance('DB', 'a'), instance('DB', 's')));
    expect(table.size).toEqual({ servers: 1, endpoints: 1, undecodable: 0 });
    table.remove(keys.instance('DB', 'a'));
    expect([...table.namesWithoutInstances()].map(({ record }) => record.name)).toEqual(['DB']);
    table.remove(keys.server('DB'));
    expect(table.size).toEqual({ servers: 0, endpoints: 0, undecodable: 0 });
    expect([...table.ofServer('DB')]).toEqual([]);
  });

  test('an instance without a zone is where its tag says', () => {
    const table = new RegistrationTable(keys);
    const tags = { 'topology.kubernetes.io/zone': 'eu-1a', 'topology.kubernetes.io/region': 'eu-1' };
    table.put(entry(keys.server('DB'), server('DB', registeredBy('s'), [])));
    table.put(entry(keys.instance('DB', 'a'), instance('DB', 's', { tags })));
    const [found] = table.find(pattern('db:a:read'));
    expect(found).toMatchObject({ zone: 'eu-1a', region: 'eu-1' });
  });
});

describe('a value that is no record', () => {
  test.each([
    ['text', 'not JSON'],
    ['an array', '[]'],
    ['a record of another name', server('Other', OPERATOR, ['db:a'])],
    ['a record without an owner', '{"name":"DB"}'],
    ['an instance record', instance('DB', 's')],
  ])('%s under a server key is skipped and counted', (_title, value) => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.server('DB'), server('DB', OPERATOR, ['db:a'])));
    table.put(entry(keys.server('DB'), value));
    expect(urlsFor(table, 'db:a')).toEqual([]);
    expect(table.size).toEqual({ servers: 0, endpoints: 0, undecodable: 1 });
    table.put(entry(keys.server('DB'), server('DB', OPERATOR, ['db:a'])));
    expect(table.size).toEqual({ servers: 1, endpoints: 1, undecodable: 0 });
  });

  test('an instance under the key of another is skipped', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.server('DB'), server('DB', registeredBy('s'), [])));
    table.put(entry(keys.instance('DB', 'b'), instance('DB', 's')));
    expect(table.size).toEqual({ servers: 1, endpoints: 0, undecodable: 1 });
  });

  test('a key of something else is none of our business', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.epoch('cluster'), 'holder'));
    expect(table.size).toEqual({ servers: 0, endpoints: 0, undecodable: 0 });
  });

  test('a capability that is no pattern does not hide the others', () => {
    const table = new RegistrationTable(keys);
    table.put(entry(keys.server('DB'), server('DB', OPERATOR, ['db:a*', 'db:b', ''])));
    expect(urlsFor(table, 'db:b')).toEqual(['10.0.0.1:1']);
  });
});

test('whatever was put and removed, the table finds what a search through the last values finds', () => {
  const capability = fc.constantFrom('db:a', 'db:b', 'db:*', 'tool:x', '*');
  const step = fc.record({
    name: fc.constantFrom('A', 'B', 'C'),
    capabilities: fc.option(fc.uniqueArray(capability, { maxLength: 3 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), capability, (steps, filter) => {
      const table = new RegistrationTable(keys);
      const last = new Map<string, readonly string[]>();
      for (const { name, capabilities } of steps) {
        if (capabilities === undefined) {
          table.remove(keys.server(name));
          last.delete(name);
        } else {
          table.put(entry(keys.server(name), server(name, OPERATOR, capabilities)));
          last.set(name, capabilities);
        }
      }
      const expected = [...last]
        .filter(([, held]) => held.some((text) => overlaps(text, filter)))
        .map(([name]) => name);
      expect([...table.find(pattern(filter))].map(({ serverName }) => serverName).sort()).toEqual(expected.sort());
    }),
    { numRuns: 500 },
  );
});
