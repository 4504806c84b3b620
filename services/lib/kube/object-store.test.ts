import { expect, test } from 'vitest';
import { compareResourceVersions, type KubeObject, keyOf, nameOfKey } from './object.ts';
import { ObjectStore } from './object-store.ts';

interface Slice extends KubeObject {
  readonly service: string;
}

const slice = (name: string, service: string): Slice => ({ metadata: { name, namespace: 'ns' }, service });
const newStore = () => new ObjectStore<Slice>({ indexes: { service: ({ service }) => [service] }, maxRemoved: 3 });
const names = (slices: readonly Slice[]) => slices.map(({ metadata }) => metadata.name).sort();

test('objects are found by what the index says, also after they moved', () => {
  const store = newStore();
  store.put(slice('one', 'web'));
  store.put(slice('two', 'web'));
  store.put(slice('three', 'db'));
  expect(names(store.byIndex('service', 'web'))).toEqual(['one', 'two']);
  store.put(slice('one', 'db'));
  expect(names(store.byIndex('service', 'web'))).toEqual(['two']);
  expect(names(store.byIndex('service', 'db'))).toEqual(['one', 'three']);
  store.remove('ns/three', { isFinalStateUnknown: false });
  expect(names(store.byIndex('service', 'db'))).toEqual(['one']);
  expect(store.byIndex('service', 'none')).toEqual([]);
});

test('an index that does not exist is an error and not an empty answer', () => {
  expect(() => newStore().byIndex('serivce', 'web')).toThrow('no index "serivce"');
});

test('a removed object says whether its deletion was told, until it is back', () => {
  const store = newStore();
  store.put(slice('told', 'web'));
  store.put(slice('vanished', 'web'));
  const last = { ...slice('told', 'web'), metadata: { ...slice('told', 'web').metadata, deletionTimestamp: 'now' } };
  store.remove('ns/told', { isFinalStateUnknown: false, last });
  store.remove('ns/vanished', { isFinalStateUnknown: true });
  expect(store.removed('ns/told')).toEqual({ object: last, isFinalStateUnknown: false });
  expect(store.removed('ns/vanished')?.isFinalStateUnknown).toBe(true);
  store.put(slice('told', 'web'));
  expect(store.removed('ns/told')).toBeUndefined();
});

test('only so many removed objects are remembered', () => {
  const store = newStore();
  for (let i = 0; i < 10; i += 1) {
    store.put(slice(`s${i}`, 'web'));
    store.remove(`ns/s${i}`, { isFinalStateUnknown: false });
  }
  expect(store.removed('ns/s9')).toBeDefined();
  expect(store.removed('ns/s6')).toBeUndefined();
});

test('a key and its name are the same thing, with and without a namespace', () => {
  for (const metadata of [{ name: 'a', namespace: 'ns' }, { name: 'a' }]) {
    expect(nameOfKey(keyOf({ metadata }))).toEqual(metadata);
  }
});

test.each([
  ['9', '10', -1],
  ['10', '9', 1],
  ['123', '123', 0],
  ['18446744073709551616', '18446744073709551615', 1],
  ['01', '1', undefined],
  ['', '1', undefined],
  ['abc', '1', undefined],
])('resource version %s compared with %s is %s', (a, b, expected) => {
  const order = compareResourceVersions(a, b);
  expect(order === undefined ? undefined : Math.sign(order)).toBe(expected);
});
