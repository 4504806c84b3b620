/** The operator's process. It ends with exit code 3 when another operator leads. */
import { readFileSync } from 'node:fs';
import { connectKube } from '#lib/kube/connect.ts';
import { createDial } from '#lib/net/dial.ts';
import { createDnsLookup, readResolverSettings } from '#lib/net/name-lookup.ts';
import { runProcess } from '#lib/service/run-process.ts';
import { connectEtcd } from '#lib/store/etcd/connect-files.ts';
import { readOperatorConfig } from './config.ts';
import { start } from './start.ts';

const EXIT_REPLACED = 3;

await runProcess(process, {
  name: 'operator',
  readConfig: readOperatorConfig,
  certificates: ({ caFile, clientCertificateFile, etcd: { tls } }) => [
    caFile,
    clientCertificateFile,
    tls?.caFile,
    tls?.certificateFile,
  ],
  async start(config, runtime) {
    const { clock, log, protos, open } = runtime;
    const operator = await start(config, {
      ...runtime,
      services: protos,
      store: await open('store', connectEtcd(config.etcd, runtime)),
      connection: await connectKube(config.kube, clock),
      dial: createDial({ allowLoopback: false, lookup: createDnsLookup(readResolverSettings('/etc/resolv.conf')) }),
      definition: readFileSync(new URL('../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8'),
    });
    const ended = operator.ended.then(() => {
      log.fatal({}, 'this process no longer leads and ends at once');
      return EXIT_REPLACED;
    });
    return { stop: () => operator.stop(), ended };
  },
});
