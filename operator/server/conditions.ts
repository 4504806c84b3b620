/**
 * The seven conditions of an Mcp2Server, from what the operator saw and the conditions before.
 *
 * All seven are there from the first visit (Kubernetes API conventions), so that `kubectl wait` never waits for one
 * that does not exist. `lastTransitionTime` moves only when the status does, not with the reason or the message.
 */
import type { Observation } from './observation.ts';
import type { Condition, Mcp2ServerSpec } from './resource.ts';
import {
  type ConditionState,
  judgeAccepted,
  judgeCapabilities,
  judgeEndpoints,
  judgeHandshakes,
  judgeReferences,
  judgeRegistered,
  needsHandshake,
} from './verdicts.ts';

/** Every condition and its reasons, in the order in which Ready looks at them. A reason never changes its meaning. */
export const CONDITIONS = {
  Accepted: {
    True: ['Valid'],
    False: ['InvalidSpec', 'NameConflict', 'PrefixNotOwned', 'PolicyDenied'],
    Unknown: ['Pending'],
  },
  ResolvedRefs: {
    True: ['Resolved'],
    False: ['ServiceNotFound', 'PortNotFound', 'CABundleNotFound', 'CertificateInvalid', 'RefNotPermitted'],
    Unknown: ['CacheNotSynced'],
  },
  EndpointsReady: {
    True: ['EnoughEndpoints', 'TooManyEndpoints'],
    False: ['NoReadyEndpoints', 'BelowMinimum', 'ScaledToZero', 'AllDraining'],
    Unknown: ['Pending'],
  },
  HandshakeVerified: {
    True: ['Verified', 'NotRequired'],
    False: ['Unreachable', 'TLSFailed', 'TokenRejected', 'OpenToAnyone', 'WrongProtocol'],
    Unknown: ['Pending'],
  },
  CapabilitiesMatch: {
    True: ['Match'],
    False: ['UndeclaredCapability', 'MissingCapability'],
    Unknown: ['NoCard'],
  },
  Registered: {
    True: ['ReadBack'],
    False: ['RegistryRejected', 'Deleting'],
    Unknown: ['Pending', 'StoreUnavailable'],
  },
  Ready: { True: ['Serving'], False: [], Unknown: [] },
} as const satisfies Record<string, Record<Condition['status'], readonly string[]>>;
export type ConditionType = keyof typeof CONDITIONS;

/** The API server takes no longer message. */
const MAX_MESSAGE_CHARACTERS = 32_768;

export interface ConditionsInput {
  readonly observation: Observation;
  /** As they stand in the resource; other owners' conditions among them are ignored. */
  readonly previous: readonly Condition[];
  readonly nowMs: number;
}

/** @returns All seven, in the order of `CONDITIONS`. */
export function conditions({ observation, previous, nowMs }: ConditionsInput): Condition[] {
  const verdicts = {
    Accepted: judgeAccepted(observation),
    ResolvedRefs: judgeReferences(observation),
    EndpointsReady: judgeEndpoints(observation),
    HandshakeVerified: judgeHandshakes(observation),
    CapabilitiesMatch: judgeCapabilities(observation),
    Registered: judgeRegistered(observation),
  };
  const required = requiredForReady(observation.parsed?.ok?.spec).map((type): ConditionState => verdicts[type]);
  const all: Record<ConditionType, ConditionState> = { ...verdicts, Ready: judgeReady(required) };
  const { generation: observedGeneration } = observation;
  return Object.entries(all).map(([type, verdict]) => {
    const before = previous.find((condition) => condition.type === type);
    return { ...toCondition({ type, ...verdict }, before, nowMs), observedGeneration };
  });
}

/**
 * While the store is away nothing new is known but that: Registered changes, Ready after it, and all else stays as it
 * was last seen, so that an outage of the store does not look like one of the servers.
 */
export function conditionsWhileAway({ observation, previous, nowMs }: ConditionsInput): Condition[] {
  const required = requiredForReady(observation.parsed?.ok?.spec);
  const registered = { type: 'Registered', ...judgeRegistered(observation) };
  const known = previous.map((condition) => (condition.type === 'Registered' ? registered : condition));
  const ready = { type: 'Ready', ...judgeReady(known.filter(({ type }) => required.some((one) => one === type))) };
  return previous.map((before) => {
    const now = [registered, ready].find(({ type }) => type === before.type);
    return now ? { ...before, ...toCondition(now, before, nowMs) } : before;
  });
}

function toCondition(
  { type, status, reason, message }: ConditionState & { readonly type: string },
  before: Condition | undefined,
  nowMs: number,
): Condition {
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : formatTime(nowMs);
  return { type, status, reason, message: onOneLine(message), lastTransitionTime };
}

/** False wins over Unknown: somebody has to do something about it. */
function judgeReady(required: readonly ConditionState[]): ConditionState {
  const failing = required.find(({ status }) => status === 'False') ?? required.find(({ status }) => status !== 'True');
  if (failing) return { status: failing.status, reason: failing.reason, message: failing.message };
  return { status: 'True', reason: 'Serving', message: 'Discovery answers this server to clients.' };
}

/**
 * CapabilitiesMatch only counts where the owner insists on the declared list and a handshake can fetch a card to
 * compare it with: a server of the reference proto has none and must still become ready.
 */
function requiredForReady(spec: Mcp2ServerSpec | undefined): readonly Exclude<ConditionType, 'Ready'>[] {
  if (!spec) return ['Accepted', 'ResolvedRefs', 'EndpointsReady', 'HandshakeVerified', 'Registered'];
  const insists = spec.capabilityMode === 'Declared' && needsHandshake(spec);
  return [
    'Accepted',
    'ResolvedRefs',
    ...(spec.readiness.gates.includes('Endpoints') ? (['EndpointsReady'] as const) : []),
    ...(needsHandshake(spec) ? (['HandshakeVerified'] as const) : []),
    ...(insists ? (['CapabilitiesMatch'] as const) : []),
    'Registered',
  ];
}

/** RFC 3339 in whole seconds, as metav1.Time has it. */
function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Words of others are in it; they must not add lines to what `kubectl describe` shows, or move its cursor. */
function onOneLine(message: string): string {
  const line = message.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length <= MAX_MESSAGE_CHARACTERS ? line : `${line.slice(0, MAX_MESSAGE_CHARACTERS - 1)}…`;
}
