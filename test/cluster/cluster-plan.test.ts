import { isIPv4 } from 'node:net';
import { expect, test } from 'vitest';
import { planCluster, routesOf } from './cluster-plan.ts';

const plan = planCluster({ nodes: 3, pid: 4711, suffix: '0a1b2c3d' });

test('every node has a name, an address, a hardware address, pods and control groups of its own', () => {
  for (const field of ['name', 'address', 'hardwareAddress', 'podRange', 'controlGroup', 'folder'] as const) {
    expect(new Set(plan.nodes.map((node) => node[field])).size).toBe(3);
  }
  expect(plan.nodes.every(({ address }) => isIPv4(address))).toBe(true);
});

test('the folder names the owner, and every control group begins as the guard removes them', () => {
  expect(plan.folder).toBe('/var/tmp/mcp2-cluster-4711-0a1b2c3d');
  expect(plan.nodes.every(({ controlGroup }) => controlGroup.startsWith('mcp2-cluster-4711-0a1b2c3d-'))).toBe(true);
});

test("a node reaches the other nodes' pods through their addresses, and its own without a route", () => {
  const [, second] = plan.nodes;
  expect(second && routesOf(second, plan.nodes)).toEqual([
    { to: '10.244.1.0/24', via: '172.31.255.1' },
    { to: '10.244.3.0/24', via: '172.31.255.3' },
  ]);
});

test('a Unix socket fits into a node: the kernel allows 107 bytes', () => {
  const longest = planCluster({ nodes: 3, pid: 4_194_304, suffix: '0a1b2c3d' });
  const socket = `${longest.nodes[2]?.folder}/kubelet/device-plugins/kubelet.sock`;
  expect(Buffer.byteLength(socket)).toBeLessThan(108);
});

test.each([0, 4, 1.5, Number.NaN])('%s nodes are refused', (nodes) => {
  expect(() => planCluster({ nodes, pid: 1, suffix: 'a' })).toThrow('1 to 3 nodes');
});
