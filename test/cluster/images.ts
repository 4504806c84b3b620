/**
 * Container images for the tests, built once per machine without any registry, and kept as archives in
 * `${XDG_CACHE_HOME:-~/.cache}/mcp2/images`.
 *
 * All names begin with "localhost/", which no registry serves: a node that lacks an image says so instead of
 * fetching somebody else's. The product's image is not among them; image/build.ts builds it from `localhost/node:24`.
 */

import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type BaseImageInputs, buildRootFileSystem, readBaseImageInputs } from './base-image.ts';
import { CATALOGUE } from './binaries.ts';
import { buildBinaries } from './build.ts';
import { cacheFolder, type Environment, planBuild } from './cache.ts';
import { withFileLock } from './file-lock.ts';
import { buildPostgres } from './postgres-image.ts';
import { type Say, sayOnStandardError, step } from './progress.ts';
import { IMAGE_REQUIREMENTS, requireNodeLevel } from './requirements.ts';
import { runCommand } from './run-command.ts';

/** An image in a file, as `buildah push … docker-archive:` or `docker save` writes it. */
export interface ImageArchive {
  /** For example "localhost/etcd:1". */
  readonly name: string;
  /** Absolute path. */
  readonly archive: string;
}

export type TestImage =
  | 'localhost/pause:1'
  | 'localhost/coredns:1'
  | 'localhost/etcd:1'
  | 'localhost/node:24'
  | 'localhost/postgres:1';

export interface ImageOptions {
  /** Default: standard error. */
  readonly say?: Say;
}

const BASE_IMAGE = 'localhost/node:24';
const POSTGRES_IMAGE = 'localhost/postgres:1';
/** On the base image: what it was built from. */
const INPUTS_LABEL = 'dev.mcp2.test.inputs';

type BinaryImage = Exclude<TestImage, typeof BASE_IMAGE | typeof POSTGRES_IMAGE>;

/** Images of static binaries, by the files they hold. */
const BINARY_IMAGES: Readonly<Record<BinaryImage, { files: string[]; lines: string[] }>> = {
  'localhost/pause:1': { files: ['pause'], lines: ['COPY pause /pause', 'USER 65535:65535', 'ENTRYPOINT ["/pause"]'] },
  'localhost/coredns:1': {
    files: ['coredns'],
    lines: ['COPY coredns /coredns', 'USER 65532:65532', 'ENTRYPOINT ["/coredns"]'],
  },
  'localhost/etcd:1': {
    files: ['etcd', 'etcdctl', 'etcdutl'],
    lines: ['COPY etcd etcdctl etcdutl /usr/local/bin/', 'ENV PATH=/usr/local/bin', 'USER 65532:65532', 'CMD ["etcd"]'],
  },
};

/**
 * Builds it when it is not there yet; root only. With MCP2_TEST_KUBECONFIG there is nothing to load it into, so that
 * the archive is then not built and its path is empty.
 *
 * @throws Error that says what is missing on this machine.
 */
export async function ensureImageArchive(name: TestImage, options: ImageOptions = {}): Promise<ImageArchive> {
  if (isForeignCluster(process.env)) return { name, archive: '' };
  const say = options.say ?? sayOnStandardError;
  const base = name === BASE_IMAGE ? await readBaseImageInputs(process.env) : undefined;
  const hash = await hashOf(name, base);
  const folder = join(cacheFolder(process.env), 'images');
  const archive = join(folder, `${basename(name).replace(':', '-')}-${hash}.tar`);
  if (await isThere(archive)) return { name, archive };
  await requireNodeLevel(IMAGE_REQUIREMENTS);
  await mkdir(folder, { recursive: true });
  await withFileLock(`${archive}.lock`, async () => {
    if (await isThere(archive)) return;
    const prepare = base === undefined ? imageOf(name, say) : baseImage(base, { hash, say });
    await step(`image ${name}`, say, () => buildArchive({ name, archive, prepare }));
  });
  return { name, archive };
}

/**
 * Puts `localhost/node:24` into buildah's own storage, from where a Containerfile's FROM takes it: Debian, Node 24 and
 * npm, in the places where the public image node:24-bookworm-slim has them. 90 seconds the first time on a machine.
 */
export async function ensureBaseImage(options: ImageOptions = {}): Promise<{ readonly name: string }> {
  const { archive } = await ensureImageArchive(BASE_IMAGE, options);
  const wanted = await hashOf(BASE_IMAGE, await readBaseImageInputs(process.env));
  const format = `{{index .OCIv1.Config.Labels "${INPUTS_LABEL}"}}`;
  const inspect = ['inspect', '--type', 'image', '--format', format, BASE_IMAGE];
  const present = await runCommand('buildah', inspect).catch(() => undefined);
  if (present !== wanted) await runCommand('buildah', ['pull', '--policy', 'always', `docker-archive:${archive}`]);
  return { name: BASE_IMAGE };
}

/** Whether the tests run on a cluster that they have not made. */
export function isForeignCluster({ MCP2_TEST_KUBECONFIG }: Environment): boolean {
  return MCP2_TEST_KUBECONFIG !== undefined && MCP2_TEST_KUBECONFIG !== '';
}

type Prepare = (context: string) => Promise<string[]>;

/** The lines of a Containerfile, and the files it copies put into the context folder. */
function imageOf(name: TestImage, say: Say): Prepare {
  return name === POSTGRES_IMAGE ? postgresImage(say) : binaryImage(name as BinaryImage, say);
}

function postgresImage(say: Say): Prepare {
  return async (context) => {
    const lines = await buildPostgres({ archive: join(context, 'root.tar'), say });
    return ['FROM scratch', 'ADD root.tar /', ...lines];
  };
}

function binaryImage(name: BinaryImage, say: Say): Prepare {
  const { files, lines } = BINARY_IMAGES[name];
  return async (context) => {
    const built = await buildBinaries({ binaries: CATALOGUE.filter((binary) => files.includes(binary.name)), say });
    await Promise.all(files.map((file) => copyFile(built.path(file), join(context, file))));
    return ['FROM scratch', ...lines];
  };
}

function baseImage(inputs: BaseImageInputs, { hash, say }: { readonly hash: string; readonly say: Say }): Prepare {
  return async (context) => {
    const environment = await buildRootFileSystem(inputs, { archive: join(context, 'root.tar'), say });
    return ['FROM scratch', 'ADD root.tar /', ...environment, `LABEL ${INPUTS_LABEL}=${hash}`, 'CMD ["node"]'];
  };
}

/** The context lies on a disk (/var/tmp), not in a /tmp that may be memory: the base image takes half a gigabyte. */
async function buildArchive({ name, archive, prepare }: ImageArchive & { readonly prepare: Prepare }): Promise<void> {
  const context = await mkdtemp(join((await isThere('/var/tmp')) ? '/var/tmp' : tmpdir(), 'mcp2-image-'));
  const partial = join(context, 'image.tar');
  try {
    const lines = await prepare(context);
    await writeFile(join(context, 'Containerfile'), `${lines.join('\n')}\n`);
    const files = ['--file', join(context, 'Containerfile'), '--tag', name];
    await runCommand('buildah', ['bud', '--isolation', 'chroot', '--network', 'host', ...files, context]);
    await runCommand('buildah', ['push', name, `docker-archive:${partial}:${name}`]);
    // The archive is what nodes load; only the base image is also built upon.
    if (name !== BASE_IMAGE) await runCommand('buildah', ['rmi', name]);
    await copyFile(partial, `${archive}.partial`);
    await rename(`${archive}.partial`, archive);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function hashOf(name: TestImage, base: BaseImageInputs | undefined): Promise<string> {
  const inputs = await inputsOf(name, base);
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16);
}

async function inputsOf(name: TestImage, base: BaseImageInputs | undefined): Promise<readonly unknown[]> {
  const recipe = (file: string) => readFile(join(import.meta.dirname, file), 'utf8');
  if (base !== undefined) return [base, await recipe('base-image.ts')];
  if (name === POSTGRES_IMAGE) return [process.arch, await recipe('base-image.ts'), await recipe('postgres-image.ts')];
  const { folder } = await planBuild(CATALOGUE, process.env);
  return [basename(folder), BINARY_IMAGES[name as BinaryImage]];
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
