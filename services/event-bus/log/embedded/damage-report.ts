/** Tells of damaged events: each once, and of no more than a few, in the log of the process; all of them in the metric. */
import type { Logger } from '#lib/logger.ts';
import type { DamagedEvent } from './messages.ts';

const MAX_TOLD = 1_000;

export class DamageReport {
  readonly #log: Logger;
  readonly #onDamaged: () => void;
  readonly #told = new Set<number>();

  /** @param onDamaged Once for each event, as long as they are few; then at each read of one. */
  constructor(log: Logger, onDamaged: () => void) {
    this.#log = log;
    this.#onDamaged = onDamaged;
  }

  tell(damaged: readonly DamagedEvent[]): void {
    for (const { offset, topic, sequence } of damaged) {
      if (this.#told.has(offset)) continue;
      this.#onDamaged();
      if (this.#told.size === MAX_TOLD) continue;
      this.#told.add(offset);
      const fields = { reason: 'EVENT_DAMAGED', topic, sequence, offset };
      this.#log.error(fields, 'an event is not as it was written and is skipped');
      if (this.#told.size === MAX_TOLD)
        this.#log.error({ reason: 'EVENT_DAMAGED' }, 'more damaged events are only counted');
    }
  }
}
