import { expect, test } from 'vitest';
import type { KubeObject } from './object.ts';
import { ObjectStore } from './object-store.ts';
import { RelistAudit } from './relist-audit.ts';

const object = (name: string, resourceVersion: string): KubeObject => ({ metadata: { name, resourceVersion } });
const listOf = (resourceVersion: string, ...objects: KubeObject[]) => ({
  resourceVersion,
  objects: new Map(objects.map((one) => [one.metadata.name, one])),
});

function setUp(...objects: KubeObject[]) {
  const store = new ObjectStore<KubeObject>();
  for (const one of objects) store.put(one);
  return { store, audit: new RelistAudit(store) };
}

test('a list that shows what the store has finds nothing', () => {
  const { audit } = setUp(object('a', '5'), object('b', '6'));
  audit.begin();
  expect(audit.offer(listOf('9', object('a', '5'), object('b', '6')), '7')).toEqual([]);
  expect(audit.finish('9')).toEqual([]);
});

test('a missed add, change and delete are each found', () => {
  const { audit } = setUp(object('same', '1'), object('changed', '2'), object('deleted', '3'));
  audit.begin();
  audit.offer(listOf('9', object('same', '1'), object('changed', '7'), object('added', '8')), '5');
  expect(audit.finish('10')).toEqual([
    { kind: 'put', object: object('changed', '7') },
    { kind: 'put', object: object('added', '8') },
    { kind: 'gone', key: 'deleted' },
  ]);
});

test('nothing is judged before the watch has reached the list', () => {
  const { audit } = setUp(object('a', '5'));
  audit.begin();
  audit.offer(listOf('9', object('a', '8')), '5');
  expect(audit.finish('7')).toBeUndefined();
  expect(audit.finish('10')).toHaveLength(1);
});

test('what was last written before the watch got where it is was missed for certain', () => {
  const { store, audit } = setUp(object('deleted', '1'));
  audit.begin();
  const list = listOf('9', object('old', '4'), object('exact', '5'), object('perhaps on its way', '6'));
  const certain = [object('old', '4'), object('exact', '5')].map((one) => ({ kind: 'put', object: one }));
  expect(audit.offer(list, '5')).toEqual(certain);
  store.put(object('old', '4'));
  store.put(object('exact', '5'));
  store.put(object('perhaps on its way', '6'));
  expect(audit.finish('9')).toEqual([{ kind: 'gone', key: 'deleted' }]);
});

test('what the watch spoke of meanwhile is no difference, however it went', () => {
  const { store, audit } = setUp(object('changed', '1'), object('deleted', '2'));
  audit.begin();
  audit.touch('changed');
  audit.touch('deleted');
  audit.touch('added');
  store.put(object('changed', '11'));
  store.put(object('added', '12'));
  store.remove('deleted', { isFinalStateUnknown: false });
  audit.offer(listOf('9', object('changed', '5'), object('deleted', '2')), '5');
  expect(audit.finish('12')).toEqual([]);
});

test('a difference is reported once', () => {
  const { audit } = setUp();
  audit.begin();
  audit.offer(listOf('9', object('added', '8')), '5');
  expect(audit.finish('9')).toHaveLength(1);
  expect(audit.finish('10')).toBeUndefined();
});

test('a list that was asked for before the store was replaced is not compared', () => {
  const { audit } = setUp();
  audit.begin();
  audit.cancel();
  audit.offer(listOf('9', object('added', '8')), '5');
  expect(audit.finish('9')).toBeUndefined();
});
