/**
 * `npm run image`: builds the image with buildah or docker, whichever is there, and says what it weighs and how fast it
 * starts.
 *
 * One commit gives one image: files carry the commit's time, packages come from the lock file. What still differs is the
 * base image, which the tag `node:24-bookworm-slim` does not pin; give a digest with --node-image for that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { BUILDAH, type BuildRequest, type Command, DOCKER, type Engine } from './engine.ts';

const ROOT = join(import.meta.dirname, '..');
const OWN_PLATFORM = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;
const DEFAULT_NODE_IMAGE = 'node:24-bookworm-slim';
const USAGE = `npm run image -- [options]
  --tag NAME           default localhost/mcp2:<version of package.json>
  --node-image NAME    base, default ${DEFAULT_NODE_IMAGE}
  --platform A[,B]     linux/amd64, linux/arm64; default this machine's
  --output FILE        also a docker-archive (several platforms: an oci-archive); replaced if it is there
  --engine NAME        buildah or docker; default the first that works
  --quiet              build alone, and print only the image's name
  --help`;

interface Options {
  readonly request: BuildRequest;
  readonly engine: Engine;
  readonly quiet: boolean;
}

/** @throws Error whose message says what to change. */
async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tag: { type: 'string' },
      'node-image': { type: 'string', default: DEFAULT_NODE_IMAGE },
      platform: { type: 'string', default: OWN_PLATFORM },
      output: { type: 'string' },
      engine: { type: 'string' },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const request: BuildRequest = {
    tag: values.tag ?? `localhost/mcp2:${version}`,
    nodeImage: values['node-image'],
    platforms: values.platform.split(','),
    ownPlatform: OWN_PLATFORM,
    version,
    ...readCommit(),
    output: values.output === undefined ? undefined : resolve(values.output),
    context: ROOT,
  };
  await build({ request, engine: chooseEngine(values.engine), quiet: values.quiet });
}

async function build({ request, engine, quiet }: Options): Promise<void> {
  const { tag, output, platforms } = request;
  // Both programs add to an archive that is there, or refuse it.
  if (output !== undefined) rmSync(output, { force: true });
  for (const command of engine.build(request)) {
    const startedMs = performance.now();
    await run(command, { quiet, show: true });
    if (!quiet) say(`${command.slice(0, 2).join(' ')}: ${seconds(performance.now() - startedMs)}`);
  }
  say(tag);
  if (quiet || platforms.length > 1) return;
  const [size, base] = [await run(engine.size(tag)), await run(engine.size(request.nodeImage)).catch(() => 'unknown')];
  say(`size: ${size}, of which the base image has ${base}`);
  // The other processor's programs do not run here.
  if (platforms[0] !== OWN_PLATFORM) return;
  const probe = readFileSync(join(import.meta.dirname, 'probe.mjs'), 'utf8');
  const { files, bytes, startMs, node } = JSON.parse(await run(engine.run(tag, probe)));
  say(`ours: ${(bytes / 1e6).toFixed(1)} MB in ${files} files, on Node ${node}`);
  say(`start-up: the registry answers /livez after ${startMs} ms (median of 5)`);
}

/** The engine that was asked for, or the first that works. @throws Error */
function chooseEngine(name: string | undefined): Engine {
  const engines = [BUILDAH, DOCKER];
  const asked = engines.filter((engine) => name === undefined || engine.name === name);
  if (asked.length === 0) throw new Error(`--engine is buildah or docker, not "${name}"`);
  // `docker version` also asks the daemon.
  const found = asked.find((engine) => spawnSync(engine.name, ['version'], { stdio: 'ignore' }).status === 0);
  if (found !== undefined) return found;
  const names = asked.map((engine) => engine.name).join(' nor ');
  throw new Error(`${names} works here. On Debian and Ubuntu: apt-get install buildah`);
}

/** What the repository says of itself; a folder that is none gives an image without a revision, of 1970. */
function readCommit(): Pick<BuildRequest, 'revision' | 'source' | 'timestampSeconds'> {
  const git = (...args: string[]) =>
    spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' }).stdout?.trim() || undefined;
  const commit = git('rev-parse', 'HEAD');
  const isClean = git('status', '--porcelain') === undefined;
  return {
    revision: commit === undefined || isClean ? commit : `${commit}-dirty`,
    source: publicUrl(git('remote', 'get-url', 'origin')),
    timestampSeconds: Number(git('log', '-1', '--format=%ct') ?? 0),
  };
}

/** Only what others could open, and never the name and password that a clone may carry. */
function publicUrl(remote: string | undefined): string | undefined {
  if (remote === undefined || !/^https:\/\//.test(remote)) return undefined;
  const url = new URL(remote);
  return `${url.origin}${url.pathname}`;
}

/** Standard output. The command's own messages are shown where they are progress. @throws Error */
async function run([program, ...args]: Command, { quiet = true, show = false } = {}): Promise<string> {
  const messages = show && !quiet ? 'inherit' : 'pipe';
  const child = spawn(program, args, { stdio: ['ignore', show && !quiet ? 'inherit' : 'pipe', messages] });
  const ended = new Promise<number | null>((resolved, failed) => {
    child.once('error', failed);
    child.once('close', resolved);
  });
  const [output, errors, code] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    ended,
  ]);
  if (code === 0) return output.trim();
  const tail = errors.trim().split('\n').slice(-20).join('\n');
  throw new Error(`${program} ${args[0]} ended with exit code ${code}${tail === '' ? '' : `:\n${tail}`}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`image: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
