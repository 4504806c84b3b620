import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, test } from 'vitest';
import { compilePattern, overlaps, type Pattern } from '#lib/capability/pattern.ts';
import { encodeInstanceRecord } from '#lib/store/instances.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Owner } from '#lib/store/owner.ts';
import { encodeServerRecord, type Health, sealServerRecord } from '#lib/store/servers.ts';
import type { LookupQuery } from './lookup-query.ts';
import type { Position } from './paging.ts';
import type { Registration } from './registration.ts';
import { RegistrationTable } from './registration-table.ts';
import { type SearchResult, search } from './search.ts';

const keys = createKeys();
const VISIBILITY = { visibleTo: [], requiredCapabilities: [] };
const OPERATOR: Owner = { manager: 'mcp2-operator', installation: 'i', namespace: 'shop', name: 'db', uid: 'u' };

interface Sample {
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly endpoints: Readonly<Record<string, Health>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly version?: string;
  /** The endpoints are instances that registered themselves, each with the capabilities of the whole. */
  readonly isSelfRegistered?: boolean;
}

function tableOf(...samples: readonly Sample[]): RegistrationTable {
  const table = new RegistrationTable(keys);
  for (const sample of samples) {
    const { name, capabilities, tags = {}, version = '', isSelfRegistered = false } = sample;
    const shared = { capabilities, tags, version, visibility: VISIBILITY };
    const endpoints = Object.entries(sample.endpoints).map(
      ([instanceId, health]) =>
        ({ instanceId, url: `${name}-${instanceId}:1`, transport: 'TLS', health, weight: 100 }) as const,
    );
    const owner: Owner = isSelfRegistered ? { manager: 'register', sub: 's' } : OPERATOR;
    const kept = isSelfRegistered ? [] : endpoints;
    const server = sealServerRecord({ name, owner, ...shared, cardDigest: '', endpoints: kept });
    table.put({ key: keys.server(name), value: encodeServerRecord(server), modRevision: 1 });
    for (const endpoint of isSelfRegistered ? endpoints : []) {
      const lease = { loadPermille: 0, ttlSeconds: 30, leaseTokenHash: '' };
      const value = encodeInstanceRecord({ serverName: name, sub: 's', endpoint, ...shared, ...lease });
      table.put({ key: keys.instance(name, endpoint.instanceId), value, modRevision: 2 });
    }
  }
  return table;
}

type Query = Omit<LookupQuery, 'clientZone'>;
const query = (filters: readonly string[], changes: Partial<Query> = {}): Query => ({
  filters: filters.map((filter) => compilePattern(filter) as Pattern),
  mustMatchAll: false,
  serverName: undefined,
  tags: [],
  versions: undefined,
  includeUnhealthy: false,
  pageSize: 100,
  after: undefined,
  ...changes,
});

const everything = () => true;
const urls = ({ endpoints }: SearchResult) => endpoints.map(({ endpoint }) => endpoint.url).sort();
const notServing = (result: SearchResult) => result.notServing;
const size = ({ endpoints, notServing: names }: SearchResult) => endpoints.length + names.length;

const SERVING = { a: 'SERVING' } as const;

describe('filters', () => {
  const table = tableOf(
    { name: 'Both', capabilities: ['db:a:read', 'tool:x'], endpoints: SERVING },
    { name: 'Db', capabilities: ['db:*'], endpoints: SERVING },
    { name: 'Tool', capabilities: ['tool:x'], endpoints: SERVING },
  );

  test.each<[string, Query, string[]]>([
    ['no filter finds nothing', query([]), []],
    ['one filter', query(['db:a:read']), ['Both-a:1', 'Db-a:1']],
    ['any of two', query(['db:a:read', 'tool:x']), ['Both-a:1', 'Db-a:1', 'Tool-a:1']],
    ['all of two', query(['db:a:read', 'tool:x'], { mustMatchAll: true }), ['Both-a:1']],
    ['a wildcard searches by overlap', query(['*:x']), ['Db-a:1', 'Both-a:1', 'Tool-a:1']],
    ['one server', query(['tool:x'], { serverName: 'tool' }), ['Tool-a:1']],
    ['one server that does not match', query(['db:a:read'], { serverName: 'tool' }), []],
    ['one server that does not exist', query(['db:a:read'], { serverName: 'nobody' }), []],
    [
      'one server, all of two',
      query(['db:a:read', 'tool:x'], { serverName: 'both', mustMatchAll: true }),
      ['Both-a:1'],
    ],
  ])('%s', (_title, wanted, expected) => {
    expect(urls(search(table, wanted, everything))).toEqual(expected.sort());
  });

  test('what the caller may not see is absent, from the names without endpoints too', () => {
    const hidden = tableOf({ name: 'Down', capabilities: ['tool:x'], endpoints: {} });
    expect(size(search(table, query(['tool:x']), () => false))).toBe(0);
    expect(size(search(hidden, query(['tool:x']), () => false))).toBe(0);
  });
});

describe('tags and versions', () => {
  const table = tableOf(
    { name: 'Old', capabilities: ['tool:x'], endpoints: SERVING, version: '1.2.0', tags: { tier: 'gold', a: '' } },
    { name: 'New', capabilities: ['tool:x'], endpoints: SERVING, version: '2.0.0', tags: { tier: 'silver' } },
    { name: 'Odd', capabilities: ['tool:x'], endpoints: SERVING, version: 'latest' },
  );

  test.each<[string, Partial<Query>, string[]]>([
    ['a tag must be equal', { tags: [['tier', 'gold']] }, ['Old-a:1']],
    [
      'all tags must be equal',
      {
        tags: [
          ['tier', 'gold'],
          ['a', 'b'],
        ],
      },
      [],
    ],
    ['an empty value is a value', { tags: [['a', '']] }, ['Old-a:1']],
    ['no object has inherited tags', { tags: [['constructor', 'x']] }, []],
    ['a range', { versions: new semver.Range('^1.1') }, ['Old-a:1']],
    ['a version that is none is in no range', { versions: new semver.Range('*') }, ['New-a:1', 'Old-a:1']],
  ])('%s', (_title, changes, expected) => {
    expect(urls(search(table, query(['tool:x'], changes), everything))).toEqual(expected);
  });
});

describe('health', () => {
  const endpoints = { a: 'SERVING', b: 'NOT_SERVING', c: 'DRAINING', d: 'UNKNOWN' } as const;
  const both = [true, false].map((isSelfRegistered) => ({ isSelfRegistered }));

  test.each(both)('only SERVING endpoints are found unless the caller asks for all (self-registered: %o)', (kind) => {
    const table = tableOf({ name: 'Db', capabilities: ['tool:x'], endpoints, ...kind });
    expect(urls(search(table, query(['tool:x']), everything))).toEqual(['Db-a:1']);
    const all = search(table, query(['tool:x'], { includeUnhealthy: true }), everything);
    expect(urls(all)).toEqual(['Db-a:1', 'Db-b:1', 'Db-c:1', 'Db-d:1']);
    expect(notServing(all)).toEqual([]);
  });

  test.each(both)('a server without a SERVING endpoint is named once (self-registered: %o)', (kind) => {
    const { a: _, ...others } = endpoints;
    const table = tableOf(
      { name: 'Db', capabilities: ['tool:x'], endpoints: others, ...kind },
      { name: 'Empty', capabilities: ['tool:x'], endpoints: {}, ...kind },
    );
    const found = search(table, query(['tool:x']), everything);
    expect(urls(found)).toEqual([]);
    expect(notServing(found)).toEqual(['Db', 'Empty']);
    expect(notServing(search(table, query(['tool:x'], { includeUnhealthy: true }), everything))).toEqual([
      'Db',
      'Empty',
    ]);
  });

  test('a server whose only serving instance is hidden from the caller does not count as serving', () => {
    const table = tableOf({ name: 'Db', capabilities: ['tool:x'], endpoints, isSelfRegistered: true });
    const seesNoInstanceA = (registration: Registration) => registration.endpoints[0]?.instanceId !== 'a';
    expect(notServing(search(table, query(['tool:x']), seesNoInstanceA))).toEqual(['Db']);
  });
});

test('pages read one after another hold everything exactly once, whatever is registered and asked', () => {
  const capability = fc.constantFrom('db:a', 'db:b', 'db:*', 'tool:x');
  const health = fc.constantFrom<Health>('SERVING', 'NOT_SERVING', 'DRAINING');
  const sample = fc.record({
    name: fc.constantFrom('A', 'B', 'C', 'D', 'E'),
    capabilities: fc.uniqueArray(capability, { maxLength: 2 }),
    endpoints: fc.dictionary(fc.constantFrom('1', '2', '3', '4'), health, { maxKeys: 4, noNullPrototype: true }),
    isSelfRegistered: fc.boolean(),
  });
  const samples = fc.uniqueArray(sample, { selector: ({ name }) => name, maxLength: 5 });
  fc.assert(
    fc.property(
      samples,
      capability,
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (all, filter, pageSize, unhealthy) => {
        const table = tableOf(...all);
        const seen: string[] = [];
        const names: string[] = [];
        let after: Position | undefined;
        do {
          const changes = { pageSize, after, includeUnhealthy: unhealthy };
          const page = search(table, query([filter], changes), everything);
          expect(size(page)).toBeLessThanOrEqual(pageSize);
          seen.push(...urls(page));
          names.push(...notServing(page));
          after = page.last;
        } while (after !== undefined);
        const matching = all.filter(({ capabilities }) => capabilities.some((held) => overlaps(held, filter)));
        const expected = matching.flatMap(({ name, endpoints }) =>
          Object.entries(endpoints).flatMap(([id, state]) =>
            unhealthy || state === 'SERVING' ? `${name}-${id}:1` : [],
          ),
        );
        expect(seen.sort()).toEqual(expected.sort());
        const down = matching.filter(({ endpoints }) => !Object.values(endpoints).includes('SERVING'));
        expect(names.sort()).toEqual(down.map(({ name }) => name).sort());
      },
    ),
    { numRuns: 1000 },
  );
});
