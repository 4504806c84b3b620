/**
 * The task `uninstall`: nothing of ours may hold a deletion back once the operator is gone.
 *
 * The operator is stopped first, or it would put its finalizer back. The resources themselves stay, like everything that
 * a second installation needs; the last line says what that is.
 */
import type { Clock } from '#lib/clock.ts';
import { isNotFound } from '#lib/kube/api-error.ts';
import { removeFinalizer } from '#lib/kube/finalizer.ts';
import { listAll } from '#lib/kube/list-all.ts';
import { type KubeObject, keyOf, type ResourceType } from '#lib/kube/object.ts';
import { FINALIZER } from '../server/resource.ts';
import { MCP2_SERVERS } from '../source/cluster.ts';
import type { SetupConfig } from './config.ts';
import { namesOf } from './object-names.ts';
import type { ObjectAccess } from './owned-object.ts';
import { explainRefusal, SetupError } from './setup-error.ts';

export interface UninstallDependencies {
  readonly access: ObjectAccess;
  readonly clock: Clock;
}

const DEPLOYMENTS: ResourceType = Object.freeze({
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  isNamespaced: true,
});

const PODS: ResourceType = Object.freeze({ group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true });

const POLL_MS = 1_000;
/** Lines of progress come at most so often. */
const REPORT_EVERY = 3;
const PAGE_SIZE = 500;
const AT_ONCE = 8;

/** @throws SetupError that names what stays and what to do */
export async function uninstall(config: SetupConfig, dependencies: UninstallDependencies): Promise<void> {
  await stopOperator(config, dependencies);
  await releaseResources(config, dependencies.access);
  reportKept(config, dependencies.access);
}

interface Scale extends KubeObject {
  readonly status?: { readonly selector?: string };
}

async function stopOperator(
  { fullName, namespace }: SetupConfig,
  { access, clock }: UninstallDependencies,
): Promise<void> {
  const { api, log, signal } = access;
  const deployment = { name: namesOf(fullName).operatorDeployment, namespace };
  let scale: Scale;
  try {
    const options = { subresource: 'scale', signal } as const;
    scale = await api.mergePatch<Scale>(DEPLOYMENTS, deployment, { spec: { replicas: 0 } }, options);
  } catch (error) {
    if (!isNotFound(error))
      throw explainRefusal(error, 'patch', { ...DEPLOYMENTS, plural: 'deployments/scale' }, deployment);
    log.info({ deployment: deployment.name }, 'there is no operator to stop');
    return;
  }
  log.info({ deployment: deployment.name }, 'the operator was scaled to 0');
  const labelSelector = scale.status?.selector;
  if (!labelSelector) throw new SetupError(`Deployment ${deployment.name} has no selector: its pods cannot be told`);
  for (let looks = 0; ; looks += 1) {
    const { items } = await api
      .list<KubeObject>(PODS, { namespace, labelSelector }, { signal })
      .catch((error: unknown) => {
        throw explainRefusal(error, 'list', PODS, { name: '', namespace });
      });
    if (items.length === 0) return;
    const pods = items.map(({ metadata }) => metadata.name);
    if (looks % REPORT_EVERY === 0) log.info({ pods }, 'waiting until the operator has ended');
    await clock.sleep(POLL_MS, signal);
  }
}

/** Elsewhere the finalizers are those of another operator, which needs them. */
async function releaseResources({ operatorNamespaces }: SetupConfig, access: ObjectAccess): Promise<void> {
  const { api, log, signal } = access;
  const scopes = operatorNamespaces.length === 0 ? [undefined] : operatorNamespaces;
  const held = (await Promise.all(scopes.map((namespace) => listHeld(access, namespace)))).flat();
  const stuck: string[] = [];
  for (let i = 0; i < held.length; i += AT_ONCE) {
    const batch = held.slice(i, i + AT_ONCE).map(async (object) => {
      try {
        await removeFinalizer({ api, resource: MCP2_SERVERS, object, finalizer: FINALIZER, signal });
      } catch (error) {
        signal.throwIfAborted();
        stuck.push(`${keyOf(object)} (${(error as Error).message})`);
      }
    });
    await Promise.all(batch);
    if (i > 0 && i % (AT_ONCE * 50) === 0) log.info({ done: i, of: held.length }, 'removing finalizers');
  }
  log.info({ released: held.length - stuck.length }, 'finalizers were removed from the Mcp2Servers');
  if (stuck.length === 0) return;
  throw new SetupError(
    `the finalizer ${FINALIZER} could not be removed from ${stuck.length} Mcp2Servers: ${stuck.slice(0, 5).join(', ')}. Run this again, or remove it by hand: kubectl patch m2s NAME -n NAMESPACE --type=merge -p '{"metadata":{"finalizers":null}}'`,
  );
}

/** @param namespace Undefined = all. */
async function listHeld({ api, signal }: ObjectAccess, namespace: string | undefined): Promise<readonly KubeObject[]> {
  try {
    // Of each only what removing a finalizer needs.
    const transform = ({ metadata }: KubeObject): KubeObject => {
      const { name, namespace: where = '', uid = '', resourceVersion = '', finalizers = [] } = metadata;
      return { metadata: { name, namespace: where, uid, resourceVersion, finalizers } };
    };
    const call = { signal };
    const options = { resource: MCP2_SERVERS, namespace, pageSize: PAGE_SIZE, transform, call };
    const { objects } = await listAll(api, options);
    return [...objects.values()].filter(({ metadata }) => metadata.finalizers?.includes(FINALIZER));
  } catch (error) {
    // No such kind: its definition was removed, and the resources with it.
    if (isNotFound(error)) return [];
    throw explainRefusal(error, 'list', MCP2_SERVERS, { name: '', namespace });
  }
}

function reportKept({ fullName, namespace, trustConfigMap, trustNamespaces }: SetupConfig, { log }: ObjectAccess) {
  const names = namesOf(fullName);
  log.info(
    {
      customResources: 'Mcp2Servers and their definition (unless crds.keep is false)',
      secrets: [names.signingKey, names.authority, names.etcdAuthority, 'certificates'],
      configMaps: [names.publicKeys, `${trustConfigMap} in ${[namespace, ...trustNamespaces].join(', ')}`],
      volumes: `PersistentVolumeClaims of ${fullName}-etcd, with the registrations`,
      remove: `kubectl delete secret,configmap -l app.kubernetes.io/managed-by=mcp2-setup -n ${namespace}`,
    },
    'kept for a second installation',
  );
}
