// Original file: protos/mcp2/discovery.proto

/**
 * What a WatchEvent says.
 */
export const WatchKind = {
  WATCH_KIND_PUT: 0,
  WATCH_KIND_DELETE: 1,
  /**
   * No endpoint; everything up to `revision` has been sent.
   */
  WATCH_KIND_BOOKMARK: 2,
} as const;

/**
 * What a WatchEvent says.
 */
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

/**
 * What a WatchEvent says.
 */
export type WatchKind__Output = typeof WatchKind[keyof typeof WatchKind]
