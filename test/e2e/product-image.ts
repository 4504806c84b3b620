/**
 * The product's image as an archive that nodes of the tests load, built by `image/build.ts` on the tests' base image.
 *
 * It is built again when a file that goes into it has changed; archives of other contents that are a day old are
 * removed.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/cache.ts';
import { withFileLock } from '../cluster/file-lock.ts';
import { ensureBaseImage, type ImageArchive, isForeignCluster } from '../cluster/images.ts';
import { type Say, sayOnStandardError, step } from '../cluster/progress.ts';
import { runCommand } from '../cluster/run-command.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What .dockerignore lets through, and how it is built. */
const INPUTS = [
  ...['package.json', 'package-lock.json', 'LICENSE', 'Dockerfile', '.dockerignore'],
  ...['cli', 'crds', 'examples/inventory'],
  ...['image', 'operator', 'protos', 'sdk', 'services'],
];
const DAY_MS = 24 * 3_600_000;

export interface ProductImageOptions {
  /** Default: the version of package.json. Another one is the same image under another name. */
  readonly tag?: string;
  /** Default: standard error. */
  readonly say?: Say;
}

/** `localhost/mcp2:<tag>`. */
export async function ensureProductImage(options: ProductImageOptions = {}): Promise<ImageArchive> {
  const { say = sayOnStandardError } = options;
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const tag = options.tag ?? version;
  const name = `localhost/mcp2:${tag}`;
  // Its owner has loaded it (README.md).
  if (isForeignCluster(process.env)) return { name, archive: '' };
  const folder = join(cacheFolder(process.env), 'images');
  const archive = join(folder, `mcp2-${tag}-${await hashOfInputs()}.tar`);
  if (await isThere(archive)) return { name, archive };
  await mkdir(folder, { recursive: true });
  // One lock for all contents: builders share the tag.
  await withFileLock(join(folder, 'mcp2.lock'), async () => {
    if (await isThere(archive)) return;
    await ensureBaseImage({ say });
    await step(`image ${name}`, say, () => build(name, archive));
    await removeOld(folder);
  });
  return { name, archive };
}

async function build(name: string, archive: string): Promise<void> {
  const partial = `${archive}.partial`;
  const options = ['--tag', name, '--node-image', 'localhost/node:24', '--engine', 'buildah', '--output', partial];
  await runCommand(process.execPath, [join(ROOT, 'image/build.ts'), '--quiet', ...options]);
  await rename(partial, archive);
}

async function hashOfInputs(): Promise<string> {
  const hash = createHash('sha256');
  for (const input of INPUTS) {
    for (const path of await filesOf(input)) hash.update(`${path}\0`).update(await readFile(join(ROOT, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Sorted, relative to the checkout. */
async function filesOf(path: string): Promise<string[]> {
  if ((await stat(join(ROOT, path))).isFile()) return [path];
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'));
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length + 1)).sort();
}

async function removeOld(folder: string): Promise<void> {
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    const isOld = file.startsWith('mcp2-') && Date.now() - (await stat(path)).mtimeMs > DAY_MS;
    if (isOld) await rm(path, { force: true });
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
