/**
 * A real kube-apiserver for tests, with an etcd of its own, in the manner of envtest: no kubelet, no scheduler, no
 * controller-manager. So nothing makes EndpointSlices or Pods, a deleted namespace stays Terminating, and no
 * ServiceAccount gets a token Secret; RBAC, admission, validation, TokenRequest and TokenReview are the real ones.
 *
 * It takes three to four seconds to start. A test file that does not injure it shares one with the others
 * (`shared-kube-apiserver.ts`).
 */

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { ensureBinaries } from '../cluster/build.ts';
import { runCommand } from '../cluster/run-command.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { type KubeEndpoint, openKubeEndpoint } from './kube-endpoint.ts';
import type { KubeAccess } from './kubeconfig.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from './pki.ts';
import { freePort } from './ports.ts';
import { createWorkspace, ManagedProcess } from './processes.ts';

export interface KubeApiserver extends KubeEndpoint, AsyncDisposable {
  readonly etcd: Etcd;
  /** Its files; what another process needs besides `admin` for openKubeEndpoint(). */
  readonly folder: string;
  readonly process: ManagedProcess;
  /** SIGTERM; the data stays. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** On the same port and data. */
  restart(): Promise<void>;
}

export interface StartKubeApiserverOptions {
  /** More arguments, for example "--max-requests-inflight=10". The last of two equal flags wins. */
  readonly args?: readonly string[];
}

export async function startKubeApiserver(options: StartKubeApiserverOptions = {}): Promise<KubeApiserver> {
  const [{ path }, etcd, port] = await Promise.all([ensureBinaries(), startEtcd(), freePort()]);
  const workspace = createWorkspace('kube-apiserver');
  try {
    const files = await writeFiles(workspace.folder);
    const url = `https://127.0.0.1:${port}`;
    const access = { url, authority: files.authority.certificate };
    const admin: KubeAccess = { ...access, credentials: { token: files.adminToken } };
    const process = new ManagedProcess(
      {
        name: 'kube-apiserver',
        command: path('kube-apiserver'),
        args: [...serverArguments(files, { port, etcd }), ...(options.args ?? [])],
        ready: readiness(admin),
      },
      workspace,
    );
    await process.start();
    return {
      ...(await openKubeEndpoint({ admin, folder: workspace.folder })),
      folder: workspace.folder,
      etcd,
      process,
      stop: async () => void (await process.stop()),
      kill: async () => void (await process.kill()),
      pause: () => process.pause(),
      resume: () => process.resume(),
      restart: () => process.restart(),
      async [Symbol.asyncDispose]() {
        await process.kill();
        await etcd[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await etcd[Symbol.asyncDispose]();
    throw error;
  }
}

interface ServerFiles {
  readonly authority: CertificateAuthority;
  readonly server: Certificate;
  readonly adminToken: string;
  readonly tokenFile: string;
  readonly serviceAccountKeyFile: string;
}

async function writeFiles(folder: string): Promise<ServerFiles> {
  const authority = await createCertificateAuthority(join(folder, 'pki'));
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'].map(
    (name) => `DNS:${name}`,
  );
  const adminToken = randomBytes(24).toString('base64url');
  const tokenFile = join(folder, 'tokens.csv');
  const serviceAccountKeyFile = join(folder, 'service-account.key');
  const [server] = await Promise.all([
    authority.issue({ commonName: 'kube-apiserver', names: [...names, 'IP:127.0.0.1', 'IP:10.96.0.1'] }),
    writeFile(tokenFile, `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 }),
    runCommand('openssl', ['genrsa', '-out', serviceAccountKeyFile, '2048']),
  ]);
  return { authority, server, adminToken, tokenFile, serviceAccountKeyFile };
}

function serverArguments(files: ServerFiles, { port, etcd }: { port: number; etcd: Etcd }): string[] {
  return [
    `--etcd-servers=${etcd.urls.join(',')}`,
    '--bind-address=127.0.0.1',
    // It writes no endpoints for itself: it would refuse the loopback address.
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--tls-cert-file=${files.server.certificateFile}`,
    `--tls-private-key-file=${files.server.keyFile}`,
    `--client-ca-file=${files.authority.certificateFile}`,
    `--token-auth-file=${files.tokenFile}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${files.serviceAccountKeyFile}`,
    `--service-account-signing-key-file=${files.serviceAccountKeyFile}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // Without a controller-manager nobody makes the ServiceAccount "default" that this plugin demands of every pod.
    '--disable-admission-plugins=ServiceAccount',
    '--allow-privileged=true',
    '--profiling=false',
  ];
}

/** Ready also means that the namespace "default" exists, which /readyz does not wait for. */
function readiness(admin: KubeAccess): () => Promise<boolean> {
  const agent = new Agent({ connect: { ca: admin.authority } });
  const headers = 'token' in admin.credentials ? { authorization: `Bearer ${admin.credentials.token}` } : {};
  const answers = async (path: string) => {
    const signal = AbortSignal.timeout(2_000);
    const { statusCode, body } = await request(`${admin.url}${path}`, { dispatcher: agent, headers, signal });
    await body.dump();
    return statusCode === 200;
  };
  return async () => (await answers('/readyz')) && (await answers('/api/v1/namespaces/default'));
}
