/**
 * Before a member of the bundled etcd starts: its configuration file is written, and where its volume is empty it is
 * first made sure that the others expect it.
 *
 * When none of the others answers for a while, this is taken for the first start of all. It is the same when every member
 * lost its data. A majority without data is not mended here: that is what backups are for.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { EtcdMembership } from '#lib/store/etcd/membership.ts';
import { UserError } from '#lib/user-error.ts';
import { formatCluster, type JoinStep, type Peer, planJoin } from './plan-join.ts';

export interface JoinSettings {
  readonly self: Peer;
  readonly wanted: readonly Peer[];
  readonly dataFolder: string;
  /** What does not differ between members, with etcd's own names. */
  readonly base: Readonly<Record<string, unknown>>;
  /** Where the configuration is written: JSON, which is YAML. */
  readonly configFile: string;
  /** Until an answer of nobody counts. */
  readonly silenceMs: number;
  /** Of the whole task. */
  readonly timeoutMs: number;
}

export interface JoinDependencies {
  /** Asks the other members; undefined when there is none. */
  readonly others: EtcdMembership | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The cluster could not be joined in time; the message says what it answered. */
export class JoinFailed extends UserError {
  constructor(message: string) {
    super(message);
    this.name = 'JoinFailed';
  }
}

const POLL_MS = 1_000;

/** @throws JoinFailed */
export async function prepareMember(settings: JoinSettings, dependencies: JoinDependencies): Promise<void> {
  const start = await untilStart(settings, dependencies);
  const { self, dataFolder, base, configFile } = settings;
  const clientUrl = self.url.replace(/:\d+$/, ':2379');
  const config = {
    ...base,
    name: self.name,
    'data-dir': dataFolder,
    'advertise-client-urls': clientUrl,
    'initial-advertise-peer-urls': self.url,
    'initial-cluster': formatCluster(start.cluster),
    'initial-cluster-state': start.state,
  };
  writeFileSync(configFile, `${JSON.stringify(config, null, 2)}\n`);
  dependencies.log.info({ member: self.name, state: start.state }, 'the configuration of this member is written');
}

async function untilStart(
  settings: JoinSettings,
  dependencies: JoinDependencies,
): Promise<JoinStep & { kind: 'start' }> {
  const { clock, log } = dependencies;
  const { self, wanted } = settings;
  const hasData = existsSync(join(settings.dataFolder, 'member'));
  const endMs = clock.monotonicMs() + settings.timeoutMs;
  // What is tried every second is logged when it changes.
  let tried: JoinStep['kind'] | undefined;
  let refused = '';
  for (;;) {
    const known = hasData ? undefined : await listUntil(settings, dependencies);
    const step = planJoin({ self, wanted, hasData, known });
    // There was a cluster a moment ago: that nobody answers now does not make this a first start.
    const isLost = known === undefined && tried !== undefined;
    if (step.kind === 'start' && !isLost) return step;
    if (step.kind !== 'start' && step.kind !== tried) {
      log.warn({ member: self.name, step: step.kind }, 'this volume is empty, and the other members are a cluster');
      tried = step.kind;
    }
    const problem = await tryStep(step, settings, dependencies);
    if (problem === undefined) continue;
    if (clock.monotonicMs() >= endMs) throw new JoinFailed(`${self.name} cannot ${tried}: ${problem}`);
    if (problem !== refused) log.warn({ problem, step: tried }, 'the other members refuse it for now');
    refused = problem;
    await clock.sleep(POLL_MS);
  }
}

/** @returns what etcd said against it. */
async function tryStep(
  step: JoinStep,
  { self }: JoinSettings,
  { others }: JoinDependencies,
): Promise<string | undefined> {
  try {
    if (step.kind === 'start') return 'no other member answers any more';
    await (step.kind === 'leave' ? others?.remove(step.id) : others?.add(self.url));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function listUntil({ silenceMs }: JoinSettings, { others, clock }: JoinDependencies) {
  const endMs = clock.monotonicMs() + silenceMs;
  while (others !== undefined) {
    const known = await others.list();
    if (known !== undefined || clock.monotonicMs() >= endMs) return known;
    await clock.sleep(POLL_MS);
  }
  return undefined;
}
