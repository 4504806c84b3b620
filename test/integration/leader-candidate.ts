/**
 * A process that campaigns for a lease, for tests that kill and stop it. It prints a line of JSON when it begins to
 * lead, every 20 ms while it holds the lease, and when it loses it; SIGTERM makes it release and end.
 */

import { readFileSync } from 'node:fs';
import { systemClock } from '#lib/clock.ts';
import { createKubeApi } from '#lib/kube/api.ts';
import { createTokenConnection } from '#lib/kube/credentials.ts';
import { LeaderElector, type LeaderTiming } from '#lib/kube/leader.ts';
import type { Leadership, LeadershipEnded } from '#lib/kube/leadership.ts';
import { silentLogger } from '#lib/logger.ts';

export interface CandidateSettings {
  readonly server: string;
  readonly tokenFile: string;
  readonly caFile: string;
  readonly namespace: string;
  readonly lease: string;
  readonly identity: string;
  readonly timing: LeaderTiming;
}

/** One printed line. Times are wall time, which all processes of one machine share. */
export interface CandidateReport {
  readonly what: 'leads' | 'holds' | 'ended';
  readonly atMs: number;
  readonly how?: string;
}

const TICK_MS = 20;

async function campaign(settings: CandidateSettings): Promise<void> {
  const { server, tokenFile, caFile, namespace, lease: name, identity, timing } = settings;
  const clock = systemClock;
  const connection = createTokenConnection({ server, namespace, tokenFile, caFile, clock });
  const random = Math.random;
  const api = createKubeApi({ connection, clock, random, userAgent: identity, maxCallConnections: 2 });
  const elector = new LeaderElector({
    api,
    lease: { namespace, name },
    identity,
    clock,
    random,
    log: silentLogger,
    timing,
  });
  const stop = new AbortController();
  const leading: { now: Leadership | undefined } = { now: undefined };
  process.once('SIGTERM', () => {
    stop.abort();
    void leading.now?.release().then(() => api.close());
  });
  while (!stop.signal.aborted) {
    leading.now = await elector.acquire(stop.signal);
    await hold(leading.now);
  }
}

async function hold(leadership: Leadership): Promise<void> {
  print({ what: 'leads', atMs: systemClock.nowMs() });
  while (!leadership.signal.aborted) {
    if (leadership.isHeld()) print({ what: 'holds', atMs: systemClock.nowMs() });
    await systemClock.sleep(TICK_MS);
  }
  print({ what: 'ended', atMs: systemClock.nowMs(), how: (leadership.signal.reason as LeadershipEnded).how });
}

function print(report: CandidateReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

if (import.meta.main) await campaign(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as CandidateSettings);
