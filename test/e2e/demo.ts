/**
 * Servers of people who use the control plane, as they would write them: the inventory in a namespace of its own
 * with Pod Security "restricted", TLS from an authority of its own that a ConfigMap holds.
 */
import type { CertificateAuthority } from '../harness/pki.ts';

export interface DemoServer {
  readonly namespace: string;
  /** Of Deployment, Service, Secret and ConfigMap. */
  readonly name: string;
  /** What its tokens must name. */
  readonly serverName: string;
  readonly image: string;
  readonly replicas: number;
}

export const RESTRICTED = Object.freeze({ 'pod-security.kubernetes.io/enforce': 'restricted' });
export const GRPC_PORT = 50061;

const POD_SECURITY = {
  ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
  seccompProfile: { type: 'RuntimeDefault' },
};
const CONTAINER_SECURITY = {
  ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
  capabilities: { drop: ['ALL'] },
};

/** Deployment, Service, the server's certificate in a Secret and its authority in ConfigMap `NAME-ca`. */
export async function demoServer(server: DemoServer, authority: CertificateAuthority): Promise<object[]> {
  const { namespace, name } = server;
  const host = `${name}.${namespace}.svc`;
  const names = [`DNS:${host}`, `DNS:${host}.cluster.local`];
  const { certificate, key } = await authority.issue({ commonName: host, names });
  const data = { 'tls.crt': certificate, 'tls.key': key };
  const of = (kind: string, apiVersion = 'v1', suffix = '') => ({
    apiVersion,
    kind,
    metadata: { name: `${name}${suffix}`, namespace },
  });
  return [
    { ...of('ConfigMap', 'v1', '-ca'), data: { 'ca.crt': authority.certificate } },
    { ...of('Secret', 'v1', '-tls'), type: 'kubernetes.io/tls', stringData: data },
    { ...of('Service'), spec: { selector: { app: name }, ports: [{ name: 'grpc', port: GRPC_PORT }] } },
    { ...of('Deployment', 'apps/v1'), spec: deploymentSpec(server) },
  ];
}

function deploymentSpec({ name, serverName, image, replicas }: DemoServer): object {
  const fromTrust = (key: string) => ({ valueFrom: { configMapKeyRef: { name: 'mcp2-trust', key } } });
  const container = {
    name: 'server',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['sample'],
    env: [
      { name: 'MCP2_SAMPLE_SERVER_NAME', value: serverName },
      { name: 'MCP2_ISSUER', ...fromTrust('issuer') },
      { name: 'MCP2_JWKS_FILE', value: '/etc/mcp2/trust/jwks.json' },
      { name: 'MCP2_TLS_CERT_FILE', value: '/etc/tls/tls.crt' },
      { name: 'MCP2_TLS_KEY_FILE', value: '/etc/tls/tls.key' },
      { name: 'MCP2_OPS_LISTEN', value: '0.0.0.0:9090' },
    ],
    ports: [{ name: 'grpc', containerPort: GRPC_PORT }],
    readinessProbe: { httpGet: { path: '/readyz', port: 9090 }, periodSeconds: 1 },
    lifecycle: { preStop: { sleep: { seconds: 3 } } },
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [
      { name: 'tls', mountPath: '/etc/tls', readOnly: true },
      { name: 'trust', mountPath: '/etc/mcp2/trust', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
  return {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        automountServiceAccountToken: false,
        securityContext: POD_SECURITY,
        containers: [container],
        volumes: [
          { name: 'tls', secret: { secretName: `${name}-tls` } },
          { name: 'trust', configMap: { name: 'mcp2-trust' } },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    },
  };
}

export interface ClientPod {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  readonly token: string;
  /** Text of the program, which is mounted below /app, so that `#lib` means the image's own code. */
  readonly program: string;
  /** The program's arguments. */
  readonly args: readonly string[];
  /** ConfigMap with the `ca.crt` of servers, mounted at /etc/server-ca. */
  readonly serverAuthority: string;
}

/** A pod that runs a program once, with the control plane's trust at /etc/mcp2/trust and a token at /etc/token/token. */
export function clientPod(pod: ClientPod): object[] {
  const { namespace, name, image, token, program, args, serverAuthority } = pod;
  const metadata = { name, namespace };
  const mounts = {
    program: '/app/client',
    token: '/etc/token',
    trust: '/etc/mcp2/trust',
    'server-ca': '/etc/server-ca',
  };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { token } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'program.ts': program } },
    {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        securityContext: POD_SECURITY,
        containers: [
          {
            ...{ name: 'client', image, imagePullPolicy: 'IfNotPresent', securityContext: CONTAINER_SECURITY },
            command: ['node', '/app/client/program.ts', ...args],
            volumeMounts: Object.entries(mounts).map(([volume, mountPath]) => ({ name: volume, mountPath })),
          },
        ],
        volumes: [
          { name: 'program', configMap: { name } },
          { name: 'token', secret: { secretName: name, defaultMode: 0o440 } },
          { name: 'trust', configMap: { name: 'mcp2-trust' } },
          { name: 'server-ca', configMap: { name: serverAuthority } },
        ],
      },
    },
  ];
}
