/** What a log is told when it is opened. */
export interface LogSettings {
  /** Of the embedded log; absolute. */
  readonly folder: string;
  /** Age at which events are removed. */
  readonly retentionMs: number;
  /** Size at which the oldest are removed: rows with 100 bytes of overhead each. */
  readonly retentionBytes: number;
  /** 0: as many as the other bounds allow. */
  readonly retentionEventsPerTopic: number;
  /** How long an event id is remembered, at least. */
  readonly dedupWindowMs: number;
  readonly maxTopics: number;
  readonly durablesPerOwner: number;
}
