/** When the marker is rewritten: soon after a write, but not with each, which would double the cost of every commit. */
import type { Revision } from '../store.ts';
import { writeMarker } from './marker.ts';

/** From a write to the marker that knows of it. docs/embedded-store.md promises 5 s. */
const DELAY_MS = 2_000;

export class MarkerKeeper {
  readonly #folder: string;
  #marked: Revision;
  #latest: Revision;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, marked: Revision) {
    this.#folder = folder;
    this.#marked = marked;
    this.#latest = marked;
  }

  /** This revision is on the disk. */
  note(revision: Revision): void {
    this.#latest = revision;
    if (revision > this.#marked) this.#timer ??= setTimeout(() => this.#write(), DELAY_MS);
  }

  /** Writes it at once, for the last time. */
  stop(revision: Revision): void {
    clearTimeout(this.#timer);
    this.#latest = revision;
    if (revision > this.#marked) this.#write();
    clearTimeout(this.#timer);
  }

  #write(): void {
    this.#timer = undefined;
    const revision = this.#latest;
    try {
      writeMarker(this.#folder, revision);
      this.#marked = revision;
    } catch {
      // A full disk: the old marker stays, which is still true, and this is tried again.
      this.note(revision);
    }
  }
}
