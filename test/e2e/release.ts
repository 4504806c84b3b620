/** The chart on a cluster as the end-to-end tests use it, and the commands that people type next to it. */
import { delimiter, dirname, join } from 'node:path';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { ensureImageArchive, type ImageArchive, isForeignCluster } from '../cluster/images.ts';
import { type Say, step } from '../cluster/progress.ts';
import { runCommand } from '../cluster/run-command.ts';
import { ensureProductImage } from './product-image.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'helm/mcp2');
/** As every page of the documentation has it. */
export const NAMESPACE = 'mcp2-system';
export const RELEASE = 'mcp2';

export interface ReleaseCluster {
  readonly cluster: Cluster;
  /** Names of the product's images on it, in the order of the tags. */
  readonly images: readonly string[];
}

/**
 * A cluster of one node with the product's image under these tags; the release itself is the test's to install, in
 * namespace mcp2-system. A cluster of somebody else must have the images, and pulls etcd's own.
 */
export async function startReleaseCluster(tags: readonly (string | undefined)[]): Promise<ReleaseCluster> {
  const images: ImageArchive[] = [];
  for (const tag of tags) images.push(await ensureProductImage(tag === undefined ? {} : { tag }));
  const etcd = isForeignCluster(process.env) ? [] : [await ensureImageArchive('localhost/etcd:1')];
  const cluster = await startCluster({ images: [...images, ...etcd] });
  return { cluster, images: images.map(({ name }) => name) };
}

/** What a test that failed half-way may have left; on a cluster of our own it goes with the cluster. */
export async function removeRelease(cluster: Cluster | undefined): Promise<void> {
  if (cluster !== undefined && !cluster.can.loadImages) {
    await cluster.helm('uninstall', RELEASE, '--namespace', NAMESPACE, '--ignore-not-found', '--wait');
    await cluster.kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=120s');
  }
  await cluster?.[Symbol.asyncDispose]();
}

/** A cluster of somebody else pulls images and has volumes of its own. The first chart knew no event bus. */
export function testValues(cluster: Cluster, chart = CHART): readonly string[] {
  if (!cluster.can.loadImages) return [];
  const files = ['values.yaml', ...(chart === CHART ? ['event-bus-values.yaml'] : [])];
  return files.flatMap((file) => ['--values', join(import.meta.dirname, file)]);
}

/** Steps of a test on standard error, with their seconds. */
export const say: Say = (line) => process.stderr.write(`[e2e] ${line}\n`);

export function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  return step(name, say, work);
}

/** `helm VERB mcp2 CHART` with --wait. @returns what Helm prints: the notes among it. */
export function helmRelease(
  cluster: Cluster,
  verb: 'install' | 'upgrade',
  { chart = CHART, args = [] }: { readonly chart?: string; readonly args?: readonly string[] } = {},
): Promise<string> {
  const where = ['--namespace', NAMESPACE, ...(verb === 'install' ? ['--create-namespace'] : [])];
  const options = [...where, '--wait', '--timeout', '3m', ...testValues(cluster, chart), ...args];
  return cluster.helm(verb, RELEASE, chart, ...options);
}

/** A line of a shell as a person has it: this cluster's kubectl and helm on the path, its kubeconfig in KUBECONFIG. */
export function shell(cluster: Cluster, line: string, input?: string): Promise<string> {
  const folders = [...new Set(['kubectl', 'helm'].map((name) => dirname(cluster.binaries.path(name))))];
  const env = {
    ...process.env,
    KUBECONFIG: cluster.kubeconfig,
    PATH: [...folders, join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
  };
  return runCommand('sh', ['-c', line], { cwd: ROOT, env, ...(input === undefined ? {} : { input }) });
}

/** With the release's signing key. RBAC on its Secret is the right to do this. */
export function mintToken(cluster: Cluster, args: readonly string[]): Promise<string> {
  const secret = `${NAMESPACE}/${RELEASE}-signing-key`;
  const words = ['node', 'cli/mcp2.mjs', 'token', 'mint', '--from-secret', secret, ...args];
  return shell(cluster, words.map(quote).join(' '));
}

/** `mcp2 lookup` inside a pod of the registry. */
export async function lookup(cluster: Cluster, token: string, ...args: string[]): Promise<LookupAnswer> {
  const pod = ['exec', '--stdin', '--namespace', NAMESPACE, `deploy/${RELEASE}-registry`, '--'];
  const words = [...pod, 'mcp2', 'lookup', '--token-file', '-', '-o', 'json', ...args];
  return JSON.parse(await cluster.kubectlInput(token, ...words)) as LookupAnswer;
}

export interface LookupAnswer {
  readonly endpoints: readonly { readonly server_name: string; readonly grpc_url: string; readonly health: string }[];
  readonly not_serving: readonly string[];
  readonly stale: boolean;
}

/** kubectl's JSON of objects. */
export async function getJson<T = Record<string, unknown>>(cluster: Cluster, ...args: string[]): Promise<T> {
  return JSON.parse(await cluster.kubectl('get', ...args, '-o', 'json')) as T;
}

function quote(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
