/**
 * The published package as npm installs it, without npm: nothing is downloaded. What it depends on comes from this
 * checkout's packages, as files of the folder itself, so that all of it runs from there.
 */

import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

export interface PackageManifest {
  readonly version: string;
  readonly dependencies: object;
  readonly optionalDependencies: object;
}

export interface InstalledPackage {
  /** The package's own folder, FOLDER/node_modules/mcp2. */
  readonly folder: string;
  readonly manifest: PackageManifest;
  /** What npm links into node_modules/.bin. */
  readonly launcher: string;
}

/** Packs this checkout and installs the tarball into a folder. */
export async function installPackage(folder: string): Promise<InstalledPackage> {
  const { stdout } = await run(process.execPath, [join(ROOT, 'cli/pack/main.ts'), folder], { cwd: ROOT });
  const modules = join(folder, 'node_modules');
  const launcher = join(modules, '.bin', 'mcp2');
  mkdirSync(dirname(launcher), { recursive: true });
  await run('tar', ['-xzf', stdout.trim(), '-C', modules]);
  // The tarball's root folder is called "package"; npm renames it too.
  await run('mv', [join(modules, 'package'), join(modules, 'mcp2')]);
  symlinkSync('../mcp2/cli/mcp2.mjs', launcher);
  const manifest = JSON.parse(readFileSync(join(modules, 'mcp2/package.json'), 'utf8')) as PackageManifest;
  installDependencies(folder, manifest);
  return { folder: join(modules, 'mcp2'), manifest, launcher };
}

/**
 * Exactly what the package asks for is found by name; what those ask for lies in a folder of its own beside them, where
 * the package's own code does not look.
 */
function installDependencies(folder: string, manifest: PackageManifest): void {
  const store = join(folder, 'store', 'node_modules');
  for (const name of productionPackages()) copyTree(join(ROOT, 'node_modules', name), join(store, name));
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const copied = join(store, name);
    // The Node that came along is 190 MB and reads nothing of its folder's name.
    const source = existsSync(copied) ? copied : join(ROOT, 'node_modules', name);
    const target = join(folder, 'node_modules', name);
    mkdirSync(dirname(target), { recursive: true });
    if (existsSync(source)) symlinkSync(source, target);
  }
}

/** Packages at the top of node_modules that a user gets; those below them are copied with them. */
function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  return Object.entries(packages)
    .filter(
      ([path, { dev = false, devOptional = false }]) => path.lastIndexOf('node_modules/') === 0 && !dev && !devOptional,
    )
    .map(([path]) => path.slice('node_modules/'.length))
    .filter((name) => !name.startsWith('node-') || !/^node-(?:linux|darwin|win)/.test(name))
    .filter((name) => existsSync(join(ROOT, 'node_modules', name)));
}

/** As hard links where both lie on one disk: 140 MB that nobody writes to. */
function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    else if (entry.isFile()) linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}
