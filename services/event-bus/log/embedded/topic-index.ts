/** The topics that the reader knows: which of them a filter matches, and what each is called. */
import { CapabilityTrie } from '#lib/capability/capability-trie.ts';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type { LogConnection } from './log-connection.ts';

/** So many topics, or half of all, may be forgotten before the index is built anew. */
const STALE_TOPICS = 1_000;

export class TopicIndex {
  #trie = new CapabilityTrie<number>();
  #names = new Map<number, string>();
  #nextId = 1;
  #forgotten = 0;

  /** What the database has that is not here yet. Ids rise and are never used twice. */
  learn(connection: LogConnection, nextId: number, forgotten: number): void {
    if (forgotten - this.#forgotten > Math.max(STALE_TOPICS, this.#names.size / 2)) this.#startOver(forgotten);
    if (nextId === this.#nextId) return;
    const rows = connection.statement('SELECT id, name FROM topics WHERE id >= ? ORDER BY id').iterate(this.#nextId);
    for (const { id, name } of rows as Iterable<Record<string, unknown>>) {
      const pattern = compilePattern(String(name));
      if (pattern === undefined) continue;
      this.#names.set(Number(id), pattern.text);
      this.#trie.add(pattern, Number(id));
    }
    this.#nextId = nextId;
  }

  /** Never change the set returned. Some of them may be forgotten: they have no events. */
  find(filter: Pattern): ReadonlySet<number> {
    return this.#trie.find(filter);
  }

  nameOf(id: number): string | undefined {
    return this.#names.get(id);
  }

  #startOver(forgotten: number): void {
    this.#trie = new CapabilityTrie();
    this.#names = new Map();
    this.#nextId = 1;
    this.#forgotten = forgotten;
  }
}
