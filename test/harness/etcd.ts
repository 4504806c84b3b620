/**
 * A private etcd for one test: one member or several, on free ports of 127.0.0.1, data in a temporary folder.
 *
 * `stop` and `kill` keep the data and `restart` continues with it; disposing removes everything. With `tls` the
 * server wants a client certificate, and with etcd's auth enabled its common name is the user.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_PLANE } from '../cluster/binaries.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from './pki.ts';
import { freePorts } from './ports.ts';
import { createWorkspace, type Exit, ManagedProcess } from './processes.ts';

export interface StartEtcdOptions {
  /** Default false: plain text, no client certificates. */
  readonly tls?: boolean;
  /** 1 (default), 3 or 5. */
  readonly members?: number;
  /**
   * Write through to the disk, as in production. Default false, which saves milliseconds a write and changes nothing
   * for a killed process; only a machine that loses power would notice.
   */
  readonly fsync?: boolean;
  /** More arguments for every member, for example "--auto-compaction-retention=1s". */
  readonly args?: readonly string[];
}

export interface EtcdMember {
  readonly name: string;
  /** For clients. */
  readonly url: string;
  readonly port: number;
  readonly process: ManagedProcess;
}

export interface EtcdTls {
  /** Its file is what etcd trusts, from its next start on. */
  readonly authority: CertificateAuthority;
  /** Its files are what etcd shows, from its next connection on. */
  readonly server: Certificate;
  /** Common name "root". */
  readonly root: Certificate;
  /** A certificate of the etcd user with this name. */
  clientCertificate(commonName: string): Promise<Certificate>;
}

export interface Etcd extends AsyncDisposable {
  /** Of the first member, for example "http://127.0.0.1:12379". */
  readonly url: string;
  readonly urls: readonly string[];
  /** Port of the first member, for a proxy before it. */
  readonly port: number;
  readonly members: readonly EtcdMember[];
  /** Undefined without TLS. */
  readonly tls: EtcdTls | undefined;
  /** Each of these acts on every member; `members[i].process` acts on one. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Starts it again on the same ports and data; stops it before when it runs. */
  restart(): Promise<void>;
}

const ETCD = CONTROL_PLANE.filter(({ name }) => name === 'etcd');

export async function startEtcd(options: StartEtcdOptions = {}): Promise<Etcd> {
  const { path } = await ensureBinaries({ binaries: ETCD });
  const tls = options.tls === true ? await createTls(createWorkspace('etcd-pki').folder) : undefined;
  const members = await planMembers(options, { command: path('etcd'), tls });
  const all = <T>(act: (member: ManagedProcess) => T): T[] => members.map(({ process }) => act(process));
  const allDone = async (acts: Promise<Exit | undefined>[]): Promise<void> => void (await Promise.all(acts));
  const first = members[0] as EtcdMember;
  const etcd: Etcd = {
    url: first.url,
    urls: members.map(({ url }) => url),
    port: first.port,
    members,
    tls,
    stop: () => allDone(all((member) => member.stop())),
    kill: () => allDone(all((member) => member.kill())),
    pause: () => void all((member) => member.pause()),
    resume: () => void all((member) => member.resume()),
    restart: async () => void (await Promise.all(all((member) => member.restart()))),
    async [Symbol.asyncDispose]() {
      await etcd.kill();
      await Promise.all(all(({ folder }) => rm(join(folder, 'data'), { recursive: true, force: true })));
    },
  };
  await Promise.all(all((member) => member.start())).catch(async (error: unknown) => {
    await etcd.kill();
    throw error;
  });
  return etcd;
}

async function createTls(folder: string): Promise<EtcdTls> {
  const authority = await createCertificateAuthority(folder);
  const clientCertificate = (commonName: string) => authority.issue({ commonName, names: [`DNS:${commonName}`] });
  const [server, root] = await Promise.all([authority.issue({ commonName: 'etcd' }), clientCertificate('root')]);
  return { authority, server, root, clientCertificate };
}

interface MemberPorts {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  readonly metrics: number;
}

async function planMembers(
  { members = 1, fsync = false, args = [] }: StartEtcdOptions,
  { command, tls }: { command: string; tls: EtcdTls | undefined },
): Promise<EtcdMember[]> {
  const ports = await freePorts(members * 3);
  const plans = Array.from({ length: members }, (_unused, i): MemberPorts => {
    const [client = 0, peer = 0, metrics = 0] = ports.slice(i * 3, i * 3 + 3);
    return { name: `etcd-${i + 1}`, client, peer, metrics };
  });
  const cluster = plans.map(({ name, peer }) => `${name}=http://127.0.0.1:${peer}`).join(',');
  return plans.map((plan) => {
    const workspace = createWorkspace(plan.name);
    const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${plan.client}`;
    const all = [
      ...memberArguments(plan, { url, cluster }),
      ...tlsArguments(tls),
      ...(fsync ? [] : ['--unsafe-no-fsync']),
    ];
    const process = new ManagedProcess(
      {
        name: plan.name,
        command,
        args: [...all, `--data-dir=${join(workspace.folder, 'data')}`, ...args],
        ready: () => answers(`http://127.0.0.1:${plan.metrics}/health`),
      },
      workspace,
    );
    return { name: plan.name, url, port: plan.client, process };
  });
}

function memberArguments(
  { name, peer, metrics }: MemberPorts,
  { url, cluster }: { url: string; cluster: string },
): string[] {
  return [
    `--name=${name}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=${cluster}`,
    // Health on a port of its own, plain text: asking needs no client certificate and no etcd user.
    `--listen-metrics-urls=http://127.0.0.1:${metrics}`,
    '--log-level=warn',
  ];
}

function tlsArguments(tls: EtcdTls | undefined): string[] {
  if (tls === undefined) return [];
  return [
    `--cert-file=${tls.server.certificateFile}`,
    `--key-file=${tls.server.keyFile}`,
    '--client-cert-auth',
    `--trusted-ca-file=${tls.authority.certificateFile}`,
  ];
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.ok;
}
