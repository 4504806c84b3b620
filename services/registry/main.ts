/** The registry as a process of its own: `node services/registry/main.ts`. */
import { runProcess } from '#lib/service/run-process.ts';
import { openStore } from '#lib/store/open-store.ts';
import { readConfig } from './config.ts';
import { start } from './start.ts';

await runProcess(process, {
  name: 'registry',
  readConfig,
  certificates: ({ store }) => (store.kind === 'etcd' ? [store.tls?.caFile, store.tls?.certificateFile] : []),
  async start(config, runtime) {
    const store = await runtime.open('store', openStore(config.store, runtime));
    return start(config, { ...runtime, store });
  },
});
