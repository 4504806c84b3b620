/**
 * What every store promises, as tests; each implementation runs them all (`store-embedded.test.ts`,
 * `store-etcd.test.ts`).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WatchRecorder } from '../../harness/watch-recorder.ts';
import { put, type StoreUnderTest } from './contract-test.ts';
import { leaseTests } from './leases.ts';
import { readAndWriteTests } from './reads-and-writes.ts';
import { refusalTests } from './refusals.ts';
import { watchTests } from './watches.ts';

export function describeStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`the ${name} store`, () => {
    let under: StoreUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.dispose());
    const tests = { ...readAndWriteTests, ...refusalTests, ...watchTests, ...leaseTests };
    for (const [sentence, run] of Object.entries(tests)) test(sentence, () => run(under));
    testClosing(open);
  });
}

function testClosing(open: () => Promise<StoreUnderTest>): void {
  test('closing ends watches without an error, later calls are refused, and closing again does nothing', async () => {
    const { store, dispose } = await open();
    await using watch = new WatchRecorder(store, '/closing/', 2);
    await watch.established();
    await store.close();
    expect(await watch.ended()).toBeUndefined();
    const refused = expect.objectContaining({ reason: 'SHUTTING_DOWN' });
    await expect(store.get('/closing/a')).rejects.toEqual(refused);
    await expect(store.list('/closing/')).rejects.toEqual(refused);
    await expect(store.transact({ compares: [], writes: [put('/closing/a', '1')] })).rejects.toEqual(refused);
    await expect(store.grantLease(10)).rejects.toEqual(refused);
    await expect(store.keepAlive('1')).rejects.toEqual(refused);
    await expect(store.revokeLease('1')).rejects.toEqual(refused);
    await expect(new WatchRecorder(store, '/closing/', 2).ended()).resolves.toEqual(refused);
    await store.close();
    await dispose();
  });
}
