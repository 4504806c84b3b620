/**
 * A release whose setup jobs are run in this process, as the ServiceAccount that the chart gives them and with exactly
 * its rights, on a real API server and with a clock of the test's.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { createTokenConnection } from '#lib/kube/credentials.ts';
import { silentLogger } from '#lib/logger.ts';
import { readSetupConfig, type Task } from '../../operator/setup/config.ts';
import { runTask } from '../../operator/setup/run-task.ts';
import { storeRightsSetting } from './chart-traits.ts';
import type { KubeClient, KubeObject } from './kube-client.ts';
import type { KubeEndpoint } from './kube-endpoint.ts';
import { createNamespace, serviceAccountToken } from './kube-setup.ts';
import { createWorkspace } from './processes.ts';
import { type AccessRules, setupAccess, uninstallAccess } from './setup-access.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at the fields of their own lines
  readonly fields: Readonly<Record<string, any>>;
}

export interface RunResult {
  readonly isDone: boolean;
  readonly lines: readonly LogLine[];
  /** What `setup failed` says; empty when it did not. */
  readonly problem: string;
}

export interface SetupRunOptions {
  /** Wall time of the run. Default: now. */
  readonly nowMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each line as it comes. */
  readonly onLine?: (line: LogLine) => void;
}

export interface SetupRelease {
  readonly namespace: string;
  readonly fullName: string;
  readonly env: Readonly<Record<string, string>>;
  run(task: Task, options?: SetupRunOptions): Promise<RunResult>;
  /** Decoded. @throws when it does not exist */
  secret(name: string): Promise<Readonly<Record<string, string>>>;
  configMap(name: string, namespace?: string): Promise<Readonly<Record<string, string>>>;
  /** Writes a certificate's Secret to files, as it would be mounted. @returns the folder */
  mount(secret: string): Promise<string>;
  /** Name to resource version of every Secret and ConfigMap in the namespace. */
  versions(): Promise<Readonly<Record<string, string>>>;
}

const FULL_NAME = 'mcp2';

export async function createSetupRelease(
  endpoint: Pick<KubeEndpoint, 'admin'>,
  client: KubeClient,
  env: Readonly<Record<string, string>> = {},
): Promise<SetupRelease> {
  const namespace = await createNamespace(client, 'setup');
  const settings = { ...defaultEnvironment(namespace), ...env };
  const connections = await connect(endpoint, client, { namespace, env: settings });
  const read = (kind: string, name: string, where = namespace): Promise<KubeObject> =>
    client.get({ apiVersion: 'v1', kind, metadata: { name, namespace: where } });
  const secret = async (name: string) => {
    const { data = {} } = await read('Secret', name);
    const decode = (text: unknown) => Buffer.from(String(text), 'base64').toString();
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, decode(text)]));
  };
  return {
    namespace,
    fullName: FULL_NAME,
    env: settings,
    run: (task, options = {}) =>
      runAs(connections[task === 'uninstall' ? 'uninstall' : 'setup'], task, {
        ...options,
        env: { ...settings, ...options.env },
      }),
    secret,
    async mount(name) {
      const { folder } = createWorkspace(name);
      const entries = Object.entries(await secret(name));
      await Promise.all(entries.map(([key, text]) => writeFile(join(folder, key), text, { mode: 0o600 })));
      return folder;
    },
    configMap: async (name, where) => (await read('ConfigMap', name, where)).data ?? {},
    async versions() {
      const kinds = ['Secret', 'ConfigMap'].map((kind) => client.list({ apiVersion: 'v1', kind, namespace }));
      const objects = (await Promise.all(kinds)).flat();
      return Object.fromEntries(objects.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    },
  };
}

function defaultEnvironment(namespace: string): Record<string, string> {
  return {
    POD_NAMESPACE: namespace,
    MCP2_SETUP_NAME: FULL_NAME,
    MCP2_SETUP_SERVERS: 'registry,sample',
    MCP2_SETUP_CLIENTS: 'operator',
    MCP2_SETUP_STORE_RIGHTS: storeRightsSetting(),
    MCP2_SETUP_BUNDLED_ETCD: 'true',
  };
}

type Connection = ReturnType<typeof createTokenConnection>;

async function connect(
  { admin }: Pick<KubeEndpoint, 'admin'>,
  client: KubeClient,
  { namespace, env }: { readonly namespace: string; readonly env: Readonly<Record<string, string>> },
): Promise<Readonly<Record<'setup' | 'uninstall', Connection>>> {
  const config = readSetupConfig('prepare', env);
  const access = { ...config, hasInstallationId: config.installationId !== undefined };
  const rules = { setup: setupAccess(access), uninstall: uninstallAccess(access) };
  const open = async (account: 'setup' | 'uninstall') => {
    const name = `${FULL_NAME}-${account}`;
    const token = await serviceAccountToken(client, { namespace, name });
    await grant(client, { namespace, name, rules: rules[account] });
    const { folder } = createWorkspace('setup');
    const files = { tokenFile: join(folder, 'token'), caFile: join(folder, 'ca.crt') };
    await Promise.all([
      writeFile(files.tokenFile, token, { mode: 0o600 }),
      writeFile(files.caFile, admin.authority, { mode: 0o600 }),
    ]);
    return createTokenConnection({ server: admin.url, namespace, clock: systemClock, ...files });
  };
  return { setup: await open('setup'), uninstall: await open('uninstall') };
}

interface Grant {
  readonly namespace: string;
  readonly name: string;
  readonly rules: AccessRules;
}

async function grant(client: KubeClient, { namespace, name, rules }: Grant): Promise<void> {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const apiGroup = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const clusterName = `${name}:${namespace}`;
  const objects = [
    { apiVersion, kind: 'Role', metadata: { namespace, name }, rules: rules.role },
    { apiVersion, kind: 'ClusterRole', metadata: { name: clusterName }, rules: rules.clusterRole },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { namespace, name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects,
    },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: clusterName },
      roleRef: { apiGroup, kind: 'ClusterRole', name: clusterName },
      subjects,
    },
  ];
  for (const object of objects) await client.apply(object);
}

async function runAs(
  connection: Connection,
  task: Task,
  { nowMs, env = {}, onLine }: SetupRunOptions,
): Promise<RunResult> {
  const { task: known, ...config } = readSetupConfig(task, env);
  const lines: LogLine[] = [];
  const line = (level: LogLine['level']) => (fields: object, message: string) => {
    const said = { level, message, fields: { ...fields } };
    lines.push(said);
    onLine?.(said);
  };
  const lineLog = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const log = { ...silentLogger, ...lineLog };
  const clock = nowMs === undefined ? systemClock : { ...systemClock, nowMs: () => nowMs };
  const isDone = await runTask(known, config, { connection, clock, random: Math.random, log });
  return { isDone, lines, problem: lines.find(({ level }) => level === 'error')?.fields.problem ?? '' };
}
