import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import { describeStore } from './store-contract/contract.ts';

const LOG_MAX_REVISIONS = 2_000;

describeStore('embedded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mcp2-store-'));
  const store = await openEmbeddedStore({ directory, clock: systemClock, logMaxRevisions: LOG_MAX_REVISIONS });
  return {
    store,
    async compact() {
      for (let i = 0; i < LOG_MAX_REVISIONS; i++) {
        const write = store.transact({ compares: [], writes: [{ kind: 'put', key: '/filler', value: '' }] });
        if (i % 100 === 0) await write;
      }
      await store.transact({ compares: [], writes: [{ kind: 'put', key: '/filler', value: '' }] });
    },
    async dispose() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});
