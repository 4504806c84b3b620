/**
 * The members of the bundled etcd on real etcd, with the configuration that the chart renders: they find each other at
 * the first start, come back with their data, and a member that lost its volume joins again. Only addresses and folders
 * are the test's own, since here are no pods.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { connectEtcdMembership, type EtcdMembership } from '#lib/store/etcd/membership.ts';
import { prepareMember } from '../../operator/etcd/join.ts';
import type { Peer } from '../../operator/etcd/plan-join.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { eventually } from '../harness/eventually.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';
import { find, NAMESPACE, render } from './chart.ts';

interface Member {
  readonly peer: Peer;
  readonly url: string;
  readonly folder: string;
  readonly metricsPort: number;
  readonly process: ManagedProcess;
}

let base: Record<string, unknown>;
let authority: CertificateAuthority;
let client: Certificate;
let members: readonly Member[];
let cluster: EtcdMembership;

beforeAll(async () => {
  const { folder } = createWorkspace('etcd-members');
  authority = await createCertificateAuthority(join(folder, 'pki'));
  // Neither host name nor address, as those of the jobs: etcd compares an address with names only where there are some.
  client = await authority.issue({ commonName: 'root', names: ['email:root@example.test'] });
  const server = await authority.issue({
    commonName: 'etcd',
    names: [`DNS:mcp2-etcd.${NAMESPACE}.svc`, 'IP:127.0.0.1'],
  });
  const rendered = find(await render({ set: ['etcd.replicas=3'] }), 'ConfigMap', 'mcp2-etcd').data['etcd.yaml'];
  base = parse(
    rendered
      .replaceAll('/etc/etcd/tls/tls.crt', server.certificateFile)
      .replaceAll('/etc/etcd/tls/tls.key', server.keyFile)
      .replaceAll('/etc/etcd/tls/ca.crt', authority.certificateFile),
  );
  members = await planMembers(folder);
  cluster = connectTo(members);
});

afterAll(async () => {
  cluster?.close();
  await Promise.all((members ?? []).map(({ process }) => process.kill()));
});

test('members that start together with empty volumes make a cluster', async () => {
  await Promise.all(members.map(start));
  await eventually(started, (names) => names.length === 3, { what: 'three members' });
  expect(await started()).toEqual(['etcd-0', 'etcd-1', 'etcd-2']);
});

test('a member that is stopped comes back with its data', async () => {
  const [, second] = members as [Member, Member, Member];
  const before = await idOf('etcd-1');
  await second.process.stop();
  await start(second);
  expect(await idOf('etcd-1')).toBe(before);
});

test('a member that lost its volume leaves and joins anew, and the others never stop', async () => {
  const [, , third] = members as [Member, Member, Member];
  const before = await idOf('etcd-2');
  await third.process.kill();
  rmSync(dataOf(third), { recursive: true });
  await start(third);
  await eventually(started, (names) => names.length === 3, { what: 'three members' });
  const after = await idOf('etcd-2');
  expect(after).toBeDefined();
  expect(after).not.toBe(before);
});

test('a client of etcd cannot pose as a member', async () => {
  const [first] = members as [Member, Member, Member];
  await expect(askPeers(first, client)).rejects.toThrow(/alert|socket|ECONNRESET/);
  expect(await askPeers(first, { certificate: String(field('cert-file')), key: String(field('key-file')) })).toBe(200);
});

/** As the pod does: the init container, then etcd. */
async function start(member: Member): Promise<void> {
  const { peer, folder, url, metricsPort, process } = member;
  const others = connectTo(members.filter((other) => other !== member));
  const own = {
    'listen-client-urls': url,
    'listen-peer-urls': peer.url,
    'listen-metrics-urls': `http://127.0.0.1:${metricsPort}`,
    'log-level': 'warn',
    'unsafe-no-fsync': true,
  };
  const settings = {
    self: peer,
    wanted: members.map((other) => other.peer),
    dataFolder: dataOf(member),
    base: { ...base, ...own },
    configFile: join(folder, 'etcd.yaml'),
    silenceMs: 500,
    timeoutMs: 30_000,
  };
  const log = createLogger({ service: 'etcd', level: 'silent' });
  await prepareMember(settings, { others, clock: systemClock, log });
  others.close();
  await process.start();
}

async function planMembers(folder: string): Promise<readonly Member[]> {
  const { path } = await ensureBinaries();
  const ports = await freePorts(9);
  return [0, 1, 2].map((i) => {
    const [clientPort, peerPort, metricsPort = 0] = ports.slice(i * 3, i * 3 + 3);
    const own = join(folder, `member-${i}`);
    mkdirSync(own);
    const name = `etcd-${i}`;
    const ready = async () => (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).ok;
    const args = [`--config-file=${join(own, 'etcd.yaml')}`];
    const process = new ManagedProcess({ name, command: path('etcd'), args, ready });
    const peer = { name, url: `https://127.0.0.1:${peerPort}` };
    return { peer, url: `https://127.0.0.1:${clientPort}`, folder: own, metricsPort, process };
  });
}

function connectTo(some: readonly Member[]): EtcdMembership {
  const { certificate, key } = client;
  const tls = { ca: Buffer.from(authority.certificate), certificate: Buffer.from(certificate), key: Buffer.from(key) };
  return connectEtcdMembership({ endpoints: some.map(({ url }) => url), tls, clock: systemClock });
}

function dataOf({ folder }: Member): string {
  return join(folder, 'data');
}

async function started(): Promise<readonly string[]> {
  const known = (await cluster.list()) ?? [];
  return known
    .filter(({ hasStarted }) => hasStarted)
    .map(({ name }) => name)
    .sort();
}

async function idOf(name: string): Promise<string | undefined> {
  return (await cluster.list())?.find((member) => member.name === name)?.id;
}

function field(name: string): string {
  const tls = base['peer-transport-security'] as Record<string, string>;
  return readFileSync(tls[name] ?? '', 'utf8');
}

/** What members ask each other, at the port for members. */
function askPeers({ peer }: Member, { certificate, key }: Pick<Certificate, 'certificate' | 'key'>): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { cert: certificate, key, ca: authority.certificate, agent: false };
    request(`${peer.url}/members`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}
