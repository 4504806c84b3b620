import { expect, test } from 'vitest';
import type { ClusterMember } from '#lib/store/etcd/membership.ts';
import { formatCluster, type JoinSituation, type JoinStep, planJoin } from './plan-join.ts';

const wanted = ['a', 'b', 'c'].map((name) => ({ name, url: `https://${name}:2380` }));
const self = { name: 'c', url: 'https://c:2380' };
const member = (name: string, more: Partial<ClusterMember> = {}): ClusterMember => ({
  id: `id-${name}`,
  name,
  peerUrls: [`https://${name}:2380`],
  hasStarted: true,
  ...more,
});
const others = [member('a'), member('b')];

const CASES: readonly (readonly [string, Pick<JoinSituation, 'hasData' | 'known'>, JoinStep])[] = [
  [
    'with data it starts as it was',
    { hasData: true, known: undefined },
    { kind: 'start', state: 'existing', cluster: wanted },
  ],
  [
    'with data it starts whatever the others say',
    { hasData: true, known: [...others, member('c')] },
    { kind: 'start', state: 'existing', cluster: wanted },
  ],
  ['alone it begins a cluster', { hasData: false, known: undefined }, { kind: 'start', state: 'new', cluster: wanted }],
  [
    'late at the first start it begins it with the others',
    { hasData: false, known: [...others, member('c', { hasStarted: false })] },
    { kind: 'start', state: 'new', cluster: wanted },
  ],
  [
    'known, without its data, it leaves',
    { hasData: false, known: [...others, member('c')] },
    { kind: 'leave', id: 'id-c' },
  ],
  ['not known it joins', { hasData: false, known: others }, { kind: 'join' }],
  [
    'once it has joined it starts as a member of what exists, with the name that the others do not know yet',
    { hasData: false, known: [...others, member('', { peerUrls: [self.url], hasStarted: false })] },
    { kind: 'start', state: 'existing', cluster: wanted },
  ],
  [
    'members that are not wanted any more are members nonetheless',
    { hasData: false, known: [member('z'), member('', { peerUrls: [self.url], hasStarted: false })] },
    { kind: 'start', state: 'existing', cluster: [{ name: 'z', url: 'https://z:2380' }, self] },
  ],
];

test.each(CASES)('%s', (_title, situation, step) => {
  expect(planJoin({ self, wanted, ...situation })).toEqual(step);
});

test('a cluster is written as etcd reads it', () => {
  expect(formatCluster(wanted.slice(0, 2))).toBe('a=https://a:2380,b=https://b:2380');
});
