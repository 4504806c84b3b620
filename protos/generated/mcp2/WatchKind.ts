// Original file: protos/mcp2/discovery.proto

export const WatchKind = {
  WATCH_KIND_PUT: 0,
  WATCH_KIND_DELETE: 1,
  /**
   * No endpoint; everything up to `revision` has been sent.
   */
  WATCH_KIND_BOOKMARK: 2,
} as const;

export type WatchKind =
  | 'WATCH_KIND_PUT'
  | 0
  | 'WATCH_KIND_DELETE'
  | 1
  /**
   * No endpoint; everything up to `revision` has been sent.
   */
  | 'WATCH_KIND_BOOKMARK'
  | 2

export type WatchKind__Output = typeof WatchKind[keyof typeof WatchKind]
