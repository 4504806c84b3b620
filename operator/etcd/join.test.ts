/** What a member decides while others come and go; on real etcd: test/helm/etcd-member.test.ts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { createLogger } from '#lib/observe/logger.ts';
import type { ClusterMember, EtcdMembership } from '#lib/store/etcd/membership.ts';
import { prepareMember } from './join.ts';

const log = createLogger({ service: 'etcd', level: 'silent' });
const peer = (name: string) => ({ name, url: `https://${name}:2380` });
const member = (name: string): ClusterMember => {
  return { id: name, name, peerUrls: [peer(name).url], hasStarted: true };
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-join-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

test('with data nobody is asked, and the file holds what differs between members', async () => {
  mkdirSync(join(folder, 'data/member'), { recursive: true });
  await prepare(undefined);
  expect(JSON.parse(readFileSync(join(folder, 'etcd.yaml'), 'utf8'))).toEqual({
    'log-level': 'info',
    name: 'b',
    'data-dir': join(folder, 'data'),
    'advertise-client-urls': 'https://b:2379',
    'initial-advertise-peer-urls': 'https://b:2380',
    'initial-cluster': 'a=https://a:2380,b=https://b:2380',
    'initial-cluster-state': 'existing',
  });
});

test('others that fall silent once they were seen are no first start: it fails and starts nothing', async () => {
  const answers = [[member('a'), member('b')]];
  const others = cluster({ list: async () => answers.shift(), remove: () => Promise.reject(new Error('no leader')) });
  await expect(prepare(others)).rejects.toThrow('b cannot leave: no other member answers any more');
  expect(() => readFileSync(join(folder, 'etcd.yaml'))).toThrow('ENOENT');
});

test('a refusal that does not end fails with what etcd said', async () => {
  const others = cluster({
    list: async () => [member('a')],
    add: () => Promise.reject(new Error('unhealthy cluster')),
  });
  await expect(prepare(others)).rejects.toThrow('b cannot join: unhealthy cluster');
});

function cluster(parts: Partial<EtcdMembership>): EtcdMembership {
  return { list: async () => undefined, add: async () => {}, remove: async () => {}, close() {}, ...parts };
}

async function prepare(others: EtcdMembership | undefined): Promise<void> {
  const clock = new ManualClock();
  const settings = {
    self: peer('b'),
    wanted: [peer('a'), peer('b')],
    dataFolder: join(folder, 'data'),
    base: { 'log-level': 'info' },
    configFile: join(folder, 'etcd.yaml'),
    silenceMs: 10_000,
    timeoutMs: 60_000,
  };
  const sleep = async (ms: number) => void (await clock.advance(ms));
  const time = { nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs(), sleep };
  await prepareMember(settings, { others, clock: time, log });
}
