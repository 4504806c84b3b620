/**
 * `npm run cluster -- up`: a Kubernetes with this checkout's image on its nodes, to play with; and the build of
 * everything that clusters are made of, for CI.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureProductImage } from '../e2e/product-image.ts';
import { CATALOGUE } from './binaries.ts';
import { buildBinaries } from './build.ts';
import { ensureBaseImage, ensureImageArchive } from './images.ts';
import { sayOnStandardError, step } from './progress.ts';
import { requireNodeLevel } from './requirements.ts';
import {
  findStandingCluster,
  type StandingCluster,
  serve,
  startOwner,
  stopStandingCluster,
} from './standing-cluster.ts';

const USAGE = `npm run cluster -- COMMAND
  up [--nodes 1|2|3] [--bare]   starts a cluster and loads this checkout's image; --bare: without it
  down                          removes it, with everything that was in it
  status                        where it is
  kubectl ARGUMENTS             as its administrator
  helm ARGUMENTS                as its administrator
  build                         builds the binaries and images that clusters need, and starts nothing
`;

const TEST_VALUES = 'test/e2e/values.yaml,test/e2e/event-bus-values.yaml';

async function main([verb = '', ...args]: readonly string[]): Promise<number> {
  switch (verb) {
    case 'up':
      return up(args);
    case 'serve':
      return serveAs(args);
    case 'down':
      console.log((await stopStandingCluster(process.env)) ? 'The cluster is gone.' : 'There is no cluster.');
      return 0;
    case 'status':
      return status();
    case 'kubectl':
    case 'helm':
      return runTool(verb, args);
    case 'build':
      return build();
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

async function up(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const running = await findStandingCluster(process.env);
  if (running !== undefined) {
    console.log(`A cluster of ${running.nodes} runs already.`);
    print(running);
    return 0;
  }
  await requireNodeLevel();
  const owner = [join(import.meta.dirname, 'command.ts'), 'serve', ...args];
  const started = await startOwner(owner, { env: process.env, say: sayOnStandardError });
  print(started);
  if (!options.bare) {
    console.log('\nThen, for example:');
    const names = '--namespace mcp2-system --create-namespace';
    console.log(`  npm run cluster -- helm install mcp2 helm/mcp2 ${names} --values ${TEST_VALUES} --wait`);
  }
  return 0;
}

/** The owner's process. */
async function serveAs(args: readonly string[]): Promise<number> {
  const { nodes, bare } = readOptions(args);
  const say = (line: string) => void process.send?.({ line });
  await serve({ nodes, images: bare ? [] : [await ensureProductImage({ say })] }, process.env);
  return Number(process.exitCode ?? 0);
}

async function status(): Promise<number> {
  const running = await findStandingCluster(process.env);
  if (running === undefined) console.log('There is no cluster. Start one: npm run cluster -- up');
  else print(running);
  return running === undefined ? 1 : 0;
}

function print({ kubeconfig }: StandingCluster): void {
  console.log(`export KUBECONFIG=${kubeconfig}`);
}

async function runTool(tool: 'kubectl' | 'helm', args: readonly string[]): Promise<number> {
  const running = await findStandingCluster(process.env);
  if (running === undefined) return status();
  const { path } = await buildBinaries({ binaries: CATALOGUE });
  const env = { ...process.env, KUBECONFIG: running.kubeconfig };
  const [code] = (await once(spawn(path(tool), args, { stdio: 'inherit', env }), 'exit')) as [number | null];
  return code ?? 1;
}

async function build(): Promise<number> {
  const say = sayOnStandardError;
  await requireNodeLevel();
  await step('binaries', say, () => buildBinaries({ binaries: CATALOGUE, say }));
  await step('images', say, async () => {
    for (const name of ['localhost/pause:1', 'localhost/coredns:1', 'localhost/etcd:1'] as const) {
      await ensureImageArchive(name, { say });
    }
    await ensureBaseImage({ say });
    await ensureProductImage({ say });
  });
  return 0;
}

function readOptions(args: readonly string[]): { readonly nodes: number; readonly bare: boolean } {
  const options = { nodes: { type: 'string', default: '1' }, bare: { type: 'boolean', default: false } } as const;
  const { nodes, bare } = parseArgs({ args: [...args], options }).values;
  return { nodes: Number(nodes), bare };
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  });
}
