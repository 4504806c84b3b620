/**
 * The NetworkPolicies allow what docs/network-policy.md says, and nothing else: every pair of pods, every port, both
 * ends. By analysis: the network of the tests' own nodes enforces none.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { beforeAll, expect, test } from 'vitest';
import { METADATA_ADDRESSES } from '#lib/net/forbidden-address.ts';
import { ensureTools } from '../cluster/tools.ts';
import { allInstalled, namesOf } from '../harness/chart-traits.ts';
import { inTable, readTable } from './allow-table.ts';
import { find } from './chart.ts';
import { API_SERVER_IP, allFlows, allowedFlows, describeFlow, type Flow } from './network-traffic.ts';
import { type Manifest, renderChart } from './render.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/network-policy.md'), 'utf8');
const flows = allFlows();
const everything = {
  ...allInstalled(),
  etcd: { snapshot: { enabled: true } },
  eventBus: { backup: { enabled: true } },
};
const narrow = { networkPolicy: { apiServer: { cidrs: [`${API_SERVER_IP}/32`] } } };

let cyclonus: string;

beforeAll(async () => {
  cyclonus = (await ensureTools()).path('cyclonus');
});

test('the policies allow what the table says, and nothing else', async () => {
  const expected = flows.filter(inTable(readTable(page))).map(describeFlow);
  expect(expected.length).toBeGreaterThan(60);
  expect(await allowedBy({ ...everything, ...narrow })).toEqual(expected);
});

test('as long as the API server has no address here, who may reach it may reach every address on its ports', async () => {
  const allowed = await allowedBy(everything);
  const more = allowed.filter(
    (flow) =>
      !flows
        .filter(inTable(readTable(page)))
        .map(describeFlow)
        .includes(flow),
  );
  expect(more.length).toBeGreaterThan(0);
  expect(more.filter((flow) => !/^(operator|setup|test) -> [a-z-]+ (443|6443)\/TCP$/.test(flow))).toEqual([]);
});

test('the registry can be kept for some, and the operator, jobs and tests still reach it', async () => {
  const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } } }];
  const asked = flows.filter(({ to, port }) => to === 'registry' && port.number === 50050);
  const allowed = await allowedBy({ ...everything, ...narrow, registry: { networkPolicy: { from } } }, asked);
  expect(allowed).toEqual([
    'operator -> registry 50050/TCP',
    'registry -> registry 50050/TCP',
    'inventory -> registry 50050/TCP',
    'pricing -> registry 50050/TCP',
    'test -> registry 50050/TCP',
    'client -> registry 50050/TCP',
  ]);
});

test('an etcd of yours is reached at its addresses, and nowhere else', async () => {
  const external = { endpoints: ['https://etcd.example:2379'], existingSecret: 'etcd' };
  const networkPolicy = { ...narrow.networkPolicy, externalEtcd: { cidrs: ['198.51.100.0/24'], ports: [2379] } };
  const asked = flows.filter(({ from, port }) => from === 'registry' && port.number === 2379);
  expect(await allowedBy({ etcd: { mode: 'external', external }, networkPolicy }, asked)).toEqual([
    'registry -> internet 2379/TCP',
  ]);
});

test('handshakes can be kept to some ports and namespaces', async () => {
  const servers = {
    to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } } }],
    ports: [8443],
  };
  const strangers = ['client', 'neighbour', 'monitoring', 'internet'];
  const asked = flows.filter(({ from, to }) => from === 'operator' && strangers.includes(to));
  const values = { ...everything, networkPolicy: { ...narrow.networkPolicy, servers } };
  expect(await allowedBy(values, asked)).toEqual(['operator -> client 8443/TCP']);
});

test.each(['operator', ...namesOf('contextTool')])(
  '%s may not reach what hands out the credentials of a machine',
  async (name) => {
    const { spec } = find(await renderChart({ values: everything }), 'NetworkPolicy', `mcp2-${name}`);
    const left = (spec.egress as readonly { readonly to?: readonly Manifest[] }[])
      .flatMap(({ to = [] }) => to)
      .flatMap(({ ipBlock }) => ipBlock?.except ?? []);
    for (const address of [...METADATA_ADDRESSES, '169.254.169.254', 'fd00:ec2::254']) {
      const ip = ipaddr.parse(address);
      const networks = left.map((network) => ipaddr.parseCIDR(network)).filter(([base]) => base.kind() === ip.kind());
      expect(
        networks.some((network) => ip.match(network)),
        address,
      ).toBe(true);
    }
  },
);

test('what a server reads from can be kept to its database, and it still finds the others', async () => {
  const backends = {
    to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } } }],
    ports: [5432],
  };
  const values = { ...everything, ...narrow, contextTool: { sample: true, networkPolicy: { backends } } };
  const asked = flows.filter(({ from, to }) => from === 'inventory' && to !== 'dns');
  expect(await allowedBy(values, asked)).toEqual([
    'inventory -> registry 50050/TCP',
    'inventory -> event-bus 50052/TCP',
    'inventory -> inventory 50061/TCP',
    'inventory -> pricing 50061/TCP',
    'inventory -> client 5432/TCP',
  ]);
});

test('without policies everything is allowed, so the analysis can tell', async () => {
  const some = flows.slice(0, 100);
  expect(await allowedBy({ networkPolicy: { enabled: false } }, some)).toEqual(some.map(describeFlow));
});

test('a table that names nobody is noticed', () => {
  expect(() => readTable('| `nobody` | `registry` | 1 | TCP | x | |')).toThrow('nobody');
});

async function allowedBy(values: object, asked: readonly Flow[] = flows): Promise<readonly string[]> {
  const policies = (await renderChart({ values })).filter(({ kind }) => kind === 'NetworkPolicy');
  return (await allowedFlows(cyclonus, policies, asked)).map(describeFlow);
}
