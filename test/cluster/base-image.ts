/**
 * The root file system of `localhost/node:24`: Debian by debootstrap, this checkout's Node 24, the machine's npm.
 *
 * Where the machine has certificate authorities of its own (SSL_CERT_FILE or NODE_EXTRA_CA_CERTS: a proxy that looks
 * into TLS), the image has them too, or `npm ci` in a build stage would fail. That is for images of tests alone: an
 * image that is given to others must be built from a public base.
 */

import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Environment } from './cache.ts';
import { type Say, step } from './progress.ts';
import { runCommand } from './run-command.ts';

/** Whatever decides the image's bytes, but for what Debian has updated since. */
export interface BaseImageInputs {
  readonly nodeVersion: string;
  readonly arch: string;
  /** The folder of the npm package. */
  readonly npm: string;
  readonly npmVersion: string;
  /** PEM file, undefined when the machine has no authorities of its own. */
  readonly authorities: string | undefined;
  readonly authoritiesDigest: string | undefined;
}

const SUITE = 'bookworm';
const PACKAGES = ['ca-certificates', 'libstdc++6'];
const EMPTIED = ['var/cache/apt', 'var/lib/apt/lists', 'var/log', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'];
const DEBIAN_BUNDLE = 'etc/ssl/certs/ca-certificates.crt';
const EXTRA_BUNDLE = 'usr/local/share/ca-certificates/machine.crt';

/** @throws Error when there is no npm to copy. */
export async function readBaseImageInputs(env: Environment): Promise<BaseImageInputs> {
  const npm = await findNpm(env);
  const { version } = JSON.parse(await readFile(join(npm, 'package.json'), 'utf8')) as { version: string };
  const authorities = env.NODE_EXTRA_CA_CERTS || env.SSL_CERT_FILE || undefined;
  const digest = async (file: string) =>
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  return {
    nodeVersion: process.versions.node,
    arch: process.arch,
    npm,
    npmVersion: version,
    authorities,
    authoritiesDigest: authorities === undefined ? undefined : await digest(authorities),
  };
}

/** Writes the file system as a tar archive. @returns ENV lines for the Containerfile. */
export async function buildRootFileSystem(
  inputs: BaseImageInputs,
  { archive, say }: { readonly archive: string; readonly say: Say },
): Promise<string[]> {
  let environment: string[] = [];
  await buildDebian({ archive, say, packages: PACKAGES }, async (root) => {
    const path = (...parts: string[]) => join(root, ...parts);
    await cp(process.execPath, path('usr/local/bin/node'));
    await cp(inputs.npm, path('usr/local/lib/node_modules/npm'), { recursive: true });
    for (const name of ['npm', 'npx'])
      await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, path('usr/local/bin', name));
    environment = await addAuthorities(root, inputs.authorities);
  });
  return environment;
}

export interface DebianOptions {
  /** The tar archive that is written. */
  readonly archive: string;
  readonly say: Say;
  /** Beside the smallest Debian. */
  readonly packages: readonly string[];
}

/** @param change what is done to the folder before it is packed */
export async function buildDebian(
  { archive, say, packages }: DebianOptions,
  change: (root: string) => Promise<void>,
): Promise<void> {
  const root = join(dirname(archive), 'root');
  await step('Debian, by debootstrap', say, () => bootstrap(root, packages));
  for (const folder of EMPTIED) {
    await rm(join(root, folder), { recursive: true, force: true });
    await mkdir(join(root, folder), { recursive: true });
  }
  await change(root);
  await runCommand('tar', ['--create', '--file', archive, '--numeric-owner', '--exclude=./dev/*', '-C', root, '.']);
  await rm(root, { recursive: true, force: true });
}

async function bootstrap(root: string, packages: readonly string[]): Promise<void> {
  const options = ['--variant=minbase', `--include=${packages.join(',')}`];
  // debootstrap's scripts call programs of /usr/sbin, which sudo and cron leave out of PATH.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  await runCommand('debootstrap', [...options, SUITE, root], { env });
}

async function addAuthorities(root: string, authorities: string | undefined): Promise<string[]> {
  if (authorities === undefined) return [];
  await cp(await realpath(authorities), join(root, EXTRA_BUNDLE));
  await appendFile(join(root, DEBIAN_BUNDLE), `\n${await readFile(authorities, 'utf8')}`);
  return [`ENV NODE_EXTRA_CA_CERTS=/${EXTRA_BUNDLE} SSL_CERT_FILE=/${DEBIAN_BUNDLE}`];
}

/** The npm that runs this script, else that of PATH. */
async function findNpm({ npm_execpath, PATH = '' }: Environment): Promise<string> {
  const commands = [
    ...(npm_execpath === undefined ? [] : [npm_execpath]),
    ...PATH.split(':').map((f) => join(f, 'npm')),
  ];
  for (const command of commands) {
    const script = await realpath(command).catch(() => '');
    if (script.endsWith('/npm/bin/npm-cli.js')) return dirname(dirname(script));
  }
  throw new Error('The base image needs an npm to copy. Install: apt-get install npm');
}
