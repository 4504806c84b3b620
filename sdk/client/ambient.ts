/**
 * What a client takes from the process that imports it, where its caller names nothing: the environment, the home
 * folder, time and chance.
 *
 * The one file outside of main.ts that reads `process.env`: a library has no main.ts that could hand it on, and
 * `connect()` without an argument must work in a pod and on a laptop. Everything else takes an Ambient as an argument.
 */
import { homedir } from 'node:os';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Environment } from '#lib/config/env-reader.ts';

export interface Ambient {
  readonly env: Environment;
  readonly homeFolder: string;
  /** Undefined where the system has no users. */
  readonly uid: number | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export function ambientOf(given: Partial<Ambient> = {}): Ambient {
  return {
    env: given.env ?? process.env,
    homeFolder: given.homeFolder ?? homedir(),
    uid: 'uid' in given ? given.uid : process.getuid?.(),
    clock: given.clock ?? systemClock,
    random: given.random ?? Math.random,
  };
}
