/** From publish to event, one at a time, beside one bare commit and one message over a bare stream. */
import { type BareCommits, startBareCommits } from './bare-commits.ts';
import { type OneAtATime, type OneAtATimeConfig, startOneAtATime } from './one-at-a-time.ts';
import { measure, PAYLOAD_BYTES, type Setting, startBus, startPlainBus } from './setting.ts';

const TOPIC = 'bench:latency';

export async function measureLatency(setting: Setting): Promise<void> {
  const { running } = setting;
  const bus = await startBus(setting);
  const plain = await startPlainBus(setting);
  const open = async (end: Pick<OneAtATimeConfig, 'until' | 'target' | 'token'>): Promise<OneAtATime> =>
    running.use(await startOneAtATime({ ...end, topic: TOPIC, payloadBytes: PAYLOAD_BYTES }));
  const ours = await open({ until: 'event', target: bus.target, token: bus.token });
  const bare = await open({ until: 'answer', target: plain.address, token: '' });
  const commits = running.use(
    await startBareCommits({ folder: setting.folder, payloadBytes: PAYLOAD_BYTES, topics: 1, rowsEach: 1 }),
  );
  const heading = {
    title: 'Publish to event, beside one bare commit and one message over a bare stream',
    target: 'p50 1.50',
    shape: `1 in flight, ${PAYLOAD_BYTES} bytes`,
  };
  setting.report(
    await measure(setting, heading, [
      { name: 'commit + message', run: (seconds) => both(commits, bare, seconds) },
      { name: 'event bus', run: async (seconds) => sampleOf(await ours.ask('run', seconds)) },
    ]),
  );
}

/** Half of the time each; as long as one after the other. */
async function both(commits: BareCommits, bare: OneAtATime, seconds: number) {
  const commit = await commits.ask('run', seconds / 2);
  const message = await bare.ask('run', seconds / 2);
  const p50Ms = commit.p50Ms + message.p50Ms;
  return { callsPerSecond: 1000 / p50Ms, p50Ms, p99Ms: commit.p99Ms + message.p99Ms, cpuMicroseconds: Number.NaN };
}

function sampleOf({
  published,
  elapsedMs,
  p50Ms,
  p99Ms,
}: {
  published: number;
  elapsedMs: number;
  p50Ms: number;
  p99Ms: number;
}) {
  return { callsPerSecond: (published / elapsedMs) * 1000, p50Ms, p99Ms, cpuMicroseconds: Number.NaN };
}
