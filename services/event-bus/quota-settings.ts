/** What one caller (issuer and sub) may do, counted in each replica. */
export interface QuotaSettings {
  readonly publishesPerSecond: number;
  /** Publishes at once after a pause. */
  readonly publishBurst: number;
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
  /** Open streams of Subscribe. */
  readonly subscriptions: number;
  /** Topics that have no event yet. */
  readonly newTopicsPerMinute: number;
}
