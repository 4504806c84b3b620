/** The setup jobs' process: `node operator/setup/main.ts prepare|store|rotate|uninstall`. */
import { connectKube } from '#lib/kube/connect.ts';
import { runJob } from '#lib/service/run-job.ts';
import { readSetupConfig } from './config.ts';
import { runTask } from './run-task.ts';

await runJob(process, {
  name: 'setup',
  readConfig: (env) => readSetupConfig(process.argv[2], env),
  async run({ task, ...config }, runtime) {
    const connection = await connectKube(config.kube, runtime.clock);
    return (await runTask(task, config, { ...runtime, connection })) ? 0 : 1;
  },
});
