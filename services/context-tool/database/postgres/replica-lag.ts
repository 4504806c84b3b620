/**
 * How far a standby is behind, as an upper bound that needs no clock of any server: the primary's position in the log is
 * noted every moment, with the time at which it was asked for. A standby that has replayed up to a noted position holds
 * everything that was committed before that time.
 *
 * Not `now() - pg_last_xact_replay_timestamp()`: that grows while nobody writes, and compares clocks of two machines.
 */

interface Sample {
  readonly askedMs: number;
  readonly position: bigint;
}

/** Positions that are kept: at four a `maxLag`, more than twice that long. */
const MAX_SAMPLES = 32;

export class ReplicaLag {
  readonly #samples: Sample[] = [];
  readonly #freshAsOf = new Map<string, number>();

  /** @param askedMs Monotonic, before the question was sent. */
  primaryIsAt(position: bigint, askedMs: number): void {
    this.#samples.push({ position, askedMs });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  replicaIsAt(name: string, position: bigint): void {
    const reached = this.#samples.findLast((sample) => sample.position <= position);
    if (reached === undefined) return;
    this.#freshAsOf.set(name, Math.max(reached.askedMs, this.#freshAsOf.get(name) ?? 0));
  }

  /** It is no standby of this primary, or no standby at all. */
  forget(name: string): void {
    this.#freshAsOf.delete(name);
  }

  /** At most so far behind; undefined when nothing is known. */
  lagMs(name: string, nowMs: number): number | undefined {
    const freshAsOf = this.#freshAsOf.get(name);
    return freshAsOf === undefined ? undefined : nowMs - freshAsOf;
  }
}

/** "16/B374D848": a position in the write-ahead log (pg_lsn). @throws Error when it is none */
export function readPosition(text: string): bigint {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new Error('the server did not say its position in the log');
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}
