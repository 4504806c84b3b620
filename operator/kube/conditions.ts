/**
 * metav1.Condition, after the Kubernetes API conventions: one entry a type, and lastTransitionTime moves only when
 * the status does, so that people can read since when something is so. Pure.
 */
import { formatTime } from './micro-time.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  /** CamelCase, for machines. */
  readonly reason: string;
  /** A sentence for people: what is wrong and what to do. */
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
}

/** Gives each wanted condition the time its status began: the stored one when it has not changed, else now. */
export function withTransitionTimes(
  wanted: readonly Condition[],
  stored: readonly Condition[] | undefined,
  nowMs: number,
): readonly Condition[] {
  return wanted.map((condition) => {
    const before = stored?.find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status && before.lastTransitionTime !== undefined;
    return { ...condition, lastTransitionTime: isSame ? before.lastTransitionTime : formatTime(nowMs) };
  });
}
