/**
 * Values that are wrong are refused before anything is rendered, with a sentence that says where and what; what the
 * schema cannot say, or what somebody let past it, the templates refuse.
 */
import { expect, test } from 'vitest';
import { render } from './chart.ts';

const SCHEMA: readonly (readonly [set: string, said: string])[] = [
  ['replicaCount=3', "additional properties 'replicaCount' not allowed"],
  ['registry.replica=3', "at '/registry': additional properties 'replica' not allowed"],
  ['operator.autoscaling.enabled=true', "at '/operator': additional properties 'autoscaling' not allowed"],
  ['registry.replicas=0', "at '/registry/replicas': minimum: got 0, want 1"],
  ['registry.replicas=two', "at '/registry/replicas': got string, want null or integer"],
  ['operator.replicas=9', "at '/operator/replicas': maximum: got 9, want 5"],
  ['tls.mode=disabled', "at '/tls/mode': value must be one of 'selfSigned', 'certManager', 'existingSecret'"],
  ['tls.certificateDuration=90d', "at '/tls/certificateDuration': '90d' does not match pattern '^[0-9]+h$'"],
  ['etcd.mode=none', "at '/etcd/mode': value must be one of 'bundled', 'external'"],
  ['etcd.replicas=2', "at '/etcd/replicas': value must be one of 1, 3"],
  ['etcd.prefix=mcp2', "at '/etcd/prefix': 'mcp2' does not match pattern"],
  ['etcd.external.endpoints={http://etcd:2379}', "at '/etcd/external/endpoints/0': 'http://etcd:2379' does not match"],
  ['etcd.persistence.size=8', "at '/etcd/persistence/size': got number, want string"],
  ['registry.logLevel=loud', "at '/registry/logLevel': value must be one of 'trace', 'debug', 'info'"],
  ['registry.service.type=ExternalName', "at '/registry/service/type': value must be one of 'ClusterIP', 'NodePort'"],
  ['registry.service.port=70000', "at '/registry/service/port': maximum: got 70,000, want 65,535"],
  ['registry.resources.limit.memory=1Gi', "at '/registry/resources': additional properties 'limit' not allowed"],
  ['registry.extraEnv[0].nam=A', "at '/registry/extraEnv/0': missing property 'name'"],
  ['image.tag=null', "at '/image': missing property 'tag'"],
  ['image.digest=sha256:1', "at '/image/digest': 'sha256:1' does not match pattern"],
  ['image.pullPolicy=Sometimes', "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'"],
  ['crds.enabled=maybe', "at '/crds/enabled': got string, want boolean"],
  ['networkPolicy.apiServer.cidrs={10.0.0.1}', "at '/networkPolicy/apiServer/cidrs/0': '10.0.0.1' does not match"],
  ['installationId=a b', "at '/installationId': 'a b' does not match pattern"],
  ['registry=null', "missing property 'registry'"],
];

test.each(SCHEMA)('--set %s is refused: %s', async (set, said) => {
  await expect(render({ set: [set] })).rejects.toThrow(said);
});

const GUARDS: readonly (readonly [set: readonly string[], said: string])[] = [
  [['etcd.external.endpoints={https://etcd:2379}'], 'etcd.mode is bundled: set etcd.mode=external to use them'],
  [['etcd.mode=external'], 'set etcd.external.endpoints, for example'],
  [['etcd.mode=external', 'etcd.external.endpoints={https://etcd:2379}'], 'set etcd.external.existingSecret'],
  [['registry.autoscaling.enabled=true', 'registry.replicas=3'], 'leave registry.replicas null, or autoscaling off'],
  [
    ['contextTool.sample=true', ...of('pricing', 'autoscaling.enabled=true', 'autoscaling.minReplicas=9')],
    'contextTool.servers.pricing.autoscaling.minReplicas is more than maxReplicas',
  ],
  [
    ['registry.autoscaling.enabled=true', 'registry.resources.requests.cpu=null'],
    'registry.autoscaling needs registry.resources.requests.cpu',
  ],
  [['tls.renewBefore=2000h'], 'tls.renewBefore (2000h) must be at most half of tls.certificateDuration (2160h)'],
  [['registry.preStopSleepSeconds=30'], 'terminationGracePeriodSeconds must be more than registry.preStopSleepSeconds'],
  [['tls.mode=certManager', 'registry.enabled=false'], 'registry.enabled false needs tls.mode selfSigned'],
  [['etcd.restore.snapshot=a.db'], 'needs etcd.dataDirectory set to a new folder'],
];

/** Values of an entry of the context-tool. */
function of(entry: string, ...assignments: readonly string[]): readonly string[] {
  return assignments.map((assignment) => `contextTool.servers.${entry}.${assignment}`);
}

test.each(GUARDS)('--set %j is refused: %s', async (set, said) => {
  await expect(render({ set })).rejects.toThrow(said);
});

const UNCHECKED: readonly (readonly [set: readonly string[], said: string])[] = [
  [['etcd.replicas=2'], 'etcd.replicas is 2: choose 1 (development) or 3'],
  [['etcd.mode=none'], 'choose bundled (a StatefulSet of this chart) or external (an etcd of yours)'],
  [['tls.mode=disabled'], 'choose selfSigned, certManager or existingSecret; there is no mode without TLS'],
  [
    ['etcd.mode=external', 'etcd.external.endpoints={http://etcd:2379}', 'etcd.external.existingSecret=a'],
    'http://etcd:2379 must begin with https://',
  ],
  [
    ['operator.autoscaling.enabled=true', 'operator.autoscaling.maxReplicas=3'],
    'operator.autoscaling: one operator leads',
  ],
];

test.each(UNCHECKED)('past the schema, --set %j is still refused: %s', async (set, said) => {
  await expect(render({ set, args: ['--skip-schema-validation'] })).rejects.toThrow(said);
});
