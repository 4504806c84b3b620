/**
 * The command lines of the two programs that can build the image: buildah, which needs no daemon and inside a virtual
 * machine no privileges beyond root's, and docker. Pure: what is to be run, not running it.
 */

export interface BuildRequest {
  /** Name and tag of the image. */
  readonly tag: string;
  readonly nodeImage: string;
  /** "linux/amd64", …: at least one. */
  readonly platforms: readonly string[];
  /** This machine's: what the first stage runs on. */
  readonly ownPlatform: string;
  readonly version: string;
  /** Of the commit; undefined outside of a repository. */
  readonly revision: string | undefined;
  /** Where the source can be had. */
  readonly source: string | undefined;
  /** Seconds since the epoch: every file of our layers is of that time, so that one commit gives one image. */
  readonly timestampSeconds: number;
  /** A file for the finished image; undefined: the engine's own store alone. */
  readonly output: string | undefined;
  readonly context: string;
}

export type Command = readonly [program: string, ...args: string[]];

export interface Engine {
  readonly name: 'buildah' | 'docker';
  /** In this order; the last writes the file that was asked for. */
  readonly build: (request: BuildRequest) => readonly Command[];
  /** Prints the size of an image of the engine's store. */
  readonly size: (image: string) => Command;
  /** Runs a program for Node in a container of the image; its standard output is the command's. */
  readonly run: (image: string, program: string) => Command;
}

export const BUILDAH: Engine = {
  name: 'buildah',
  build: (request) => {
    const { tag, platforms, ownPlatform, timestampSeconds, output, context } = request;
    const several = platforms.length > 1;
    const build: Command = [
      'buildah',
      'build',
      // Neither needs a container runtime or a network of its own: works where this itself runs in a container.
      ...['--isolation', 'chroot', '--network', 'host', '--layers'],
      ...['--timestamp', String(timestampSeconds)],
      ...buildArguments(request),
      // Docker knows it by itself; buildah 1.28 does not.
      ...['--build-arg', `BUILDPLATFORM=${ownPlatform}`],
      ...['--platform', platforms.join(',')],
      ...[several ? '--manifest' : '--tag', tag],
      context,
    ];
    if (output === undefined) return [build];
    if (several)
      return [build, ['buildah', 'manifest', 'push', '--all', '--quiet', tag, `oci-archive:${output}:${tag}`]];
    return [build, ['buildah', 'push', '--quiet', tag, `docker-archive:${output}:${tag}`]];
  },
  size: (image) => ['buildah', 'images', '--format', '{{.Size}}', image],
  run: (image, program) => [
    'sh',
    '-c',
    'c=$(buildah from "$1") && buildah run --isolation chroot "$c" -- node --input-type=module --eval "$2"; e=$?; buildah rm "$c" >/dev/null; exit $e',
    'sh',
    image,
    program,
  ],
};

export const DOCKER: Engine = {
  name: 'docker',
  build: (request) => {
    const { tag, platforms, timestampSeconds, output, context } = request;
    const epoch = ['--build-arg', `SOURCE_DATE_EPOCH=${timestampSeconds}`];
    const args = [...buildArguments(request), ...epoch, '--platform', platforms.join(','), '--tag', tag];
    // The docker store holds one platform; several go to a file, or nowhere.
    if (platforms.length > 1) {
      const to = output === undefined ? 'type=cacheonly' : `type=oci,dest=${output}`;
      return [['docker', 'buildx', 'build', ...args, '--output', to, context]];
    }
    const build: Command = ['docker', 'buildx', 'build', ...args, '--load', context];
    return output === undefined ? [build] : [build, ['docker', 'save', '--output', output, tag]];
  },
  size: (image) => ['docker', 'image', 'ls', '--format', '{{.Size}}', image],
  run: (image, program) => [
    'docker',
    ...['run', '--rm', '--network', 'none', '--read-only', '--tmpfs', '/tmp', '--entrypoint', 'node'],
    ...[image, '--input-type=module', '--eval', program],
  ],
};

function buildArguments({ nodeImage, version, revision, source }: BuildRequest): string[] {
  const values = { NODE_IMAGE: nodeImage, VERSION: version, REVISION: revision, SOURCE: source };
  return Object.entries(values).flatMap(([name, value = '']) => ['--build-arg', `${name}=${value}`]);
}
