/**
 * The bus, slow and obvious: topics as lists of segments, patterns compared segment by segment, a log that is an array.
 * What the real one delivers is compared with what this one says.
 */

/** protocol.md Section 1.2: a trailing "*" is one or more segments, any other exactly one; none matches "_…" in front. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const want = pattern.split(':');
  const have = topic.split(':');
  if (want[0] === '*' && topic.startsWith('_')) return false;
  for (const [i, segment] of want.entries()) {
    if (segment === '*' && i === want.length - 1) return have.length > i;
    if (segment !== '*' && segment !== have[i]) return false;
    if (have[i] === undefined) return false;
  }
  return have.length === want.length;
}

/** Every topic of at most `maxSegments` segments of this alphabet. */
export function everyTopic(alphabet: readonly string[], maxSegments: number): string[] {
  const topics: string[][] = [];
  let longest: string[][] = [[]];
  for (let length = 1; length <= maxSegments; length++) {
    longest = longest.flatMap((topic) => alphabet.map((segment) => [...topic, segment]));
    topics.push(...longest);
  }
  return topics.map((segments) => segments.join(':'));
}

/** Whether each topic that the filter stands for is one of the granted; by trying all of them. */
export function mayAsk(granted: string, filter: string, topics: readonly string[]): boolean {
  return topics.filter((topic) => matchesTopic(filter, topic)).every((topic) => matchesTopic(granted, topic));
}

export interface OracleEvent {
  readonly topic: string;
  readonly payload: string;
  readonly sequence: number;
  readonly previous: number;
  readonly offset: bigint;
}

export class OracleLog {
  readonly events: OracleEvent[] = [];

  /** In the order of the offsets. */
  append(topic: string, payload: string, offset: bigint): OracleEvent {
    const previous = this.last(topic)?.sequence ?? 0;
    const event = { topic, payload, sequence: previous + 1, previous, offset };
    this.events.push(event);
    return event;
  }

  last(topic: string): OracleEvent | undefined {
    return this.events.findLast((event) => event.topic === topic);
  }

  matching(filter: string, after = 0n): OracleEvent[] {
    return this.events.filter(({ topic, offset }) => offset > after && matchesTopic(filter, topic));
  }

  lastPerTopic(filter: string): OracleEvent[] {
    return this.matching(filter).filter((event) => this.last(event.topic) === event);
  }
}
