/**
 * Somebody's database beside the control plane: PostgreSQL in a pod, made by the files of examples/inventory, and the inventory's
 * configuration for it. When its processes are killed it is away for some seconds before it serves again.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { RESTRICTED } from './demo.ts';
import { ROOT } from './release.ts';

export const DATABASE_NAME = 'stock-db';
export const DATABASE_PORT = 5432;
/** Of the Secret in the release's namespace that holds the URL, under the key `url`. */
export const DATABASE_SECRET = 'stock-database';
/** So much of prod_12345 is in NY: no test takes it all. */
export const MUCH_STOCK = 1_000_000;

const EXAMPLES = join(ROOT, 'examples/inventory');
const PASSWORD = 'of-the-writer';
const SECRET_PATH = 'stock';
/** Seconds from the end of the processes until it serves again: long enough to be noticed. */
const AWAY_SECONDS = 8;

/** nobody, whom the image knows by name. */
const USER = 65534;

const START = `set -e
if [ -s /data/made ]; then
  sleep ${AWAY_SECONDS}
else
  initdb --pgdata=/data/db --username=postgres --auth-local=trust --auth-host=scram-sha-256 --no-locale --encoding=UTF8 --no-sync
  echo 'host all all all scram-sha-256' >> /data/db/pg_hba.conf
  pg_ctl --pgdata=/data/db --wait --options="-k /tmp -c listen_addresses=''" start
  createdb --host=/tmp --username=postgres inventory
  cat /init/schema.sql /init/stock.sql /init/roles.sql /init/more.sql |
    psql --host=/tmp --username=postgres --dbname=inventory --set=ON_ERROR_STOP=1
  pg_ctl --pgdata=/data/db --wait stop
  echo yes > /data/made
fi
exec postgres -D /data/db -k /tmp -c listen_addresses='*' -c shared_buffers=16MB`;

/** Namespace, Deployment, Service and what its pod reads. */
export async function stockDatabase(namespace: string, image: string): Promise<object[]> {
  const metadata = { name: DATABASE_NAME, namespace };
  const read = (path: string) => readFile(join(EXAMPLES, path), 'utf8');
  const roles = (await read('postgres/roles.sql')).replaceAll(/:'(?:reader|writer)_password'/g, `'${PASSWORD}'`);
  const data = {
    'start.sh': START,
    'schema.sql': await read('postgres/schema.sql'),
    'stock.sql': await read('stock.sql'),
    'roles.sql': roles,
    'more.sql': `UPDATE stock SET quantity = ${MUCH_STOCK} WHERE sku = 'prod_12345' AND warehouse = 'NY';\n`,
  };
  const ports = [{ name: 'postgres', port: DATABASE_PORT }];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: RESTRICTED } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: DATABASE_NAME }, ports } },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: { app: DATABASE_NAME } },
        template: { metadata: { labels: { app: DATABASE_NAME } }, spec: podSpec(image) },
      },
    },
  ];
}

function podSpec(image: string): object {
  const isReady = ['pg_isready', '--host=127.0.0.1', '--dbname=inventory'];
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: USER, runAsGroup: USER, fsGroup: USER },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        ...{ name: 'postgres', image, imagePullPolicy: 'IfNotPresent', command: ['bash', '/init/start.sh'] },
        ports: [{ name: 'postgres', containerPort: DATABASE_PORT }],
        readinessProbe: { exec: { command: isReady }, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5 },
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'init', mountPath: '/init', readOnly: true },
          { name: 'data', mountPath: '/data' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'init', configMap: { name: DATABASE_NAME } },
      { name: 'data', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}

/** What a release reads it with: the Secret, in the release's namespace. */
export function databaseSecret(release: string, namespace: string): object {
  const url = `postgres://inventory_writer:${PASSWORD}@${DATABASE_NAME}.${namespace}.svc:${DATABASE_PORT}/inventory?sslmode=disable`;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: DATABASE_SECRET, namespace: release },
    stringData: { url },
  };
}

/** Values of the chart: the inventory on that database, two pods, which may reach it and no other. */
export async function inventoryValues(namespace: string): Promise<object> {
  const config = parse(await readFile(join(EXAMPLES, 'postgres/inventory.yaml'), 'utf8'));
  const { postgres } = config.databases.inventory;
  postgres.primary.url.fromFile = `/etc/mcp2/secrets/${SECRET_PATH}/url`;
  // The database is one: there is no replica.
  delete postgres.replicas;
  // Nobody renews a token for it here, without which the chart takes no server that publishes.
  delete config.events;
  // Agents that all reserve the same article wait for each other; as serializable ones they would be told to try again.
  for (const { statement } of config.tools) statement.isolation = 'ReadCommitted';
  const to = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }];
  const inventory = {
    config,
    replicas: 2,
    secrets: { [SECRET_PATH]: DATABASE_SECRET },
    networkPolicy: { backends: { to, ports: [DATABASE_PORT] } },
  };
  return { contextTool: { servers: { inventory } } };
}
