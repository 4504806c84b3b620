import { expect, test } from 'vitest';
import { CONDITIONS, type ConditionType, conditions, conditionsWhileAway } from './conditions.ts';
import type { FailedHandshake, Handshakes, Observation } from './observation.ts';
import type { Condition, Mcp2Server, Mcp2ServerSpec, ParseResult, Readiness } from './resource.ts';

const NOW_MS = Date.UTC(2026, 8, 24, 8, 0, 0, 123);
const NOW = '2026-09-24T08:00:00Z';
const BEFORE = '2026-09-01T00:00:00Z';

const READINESS: Readiness = {
  gates: ['Endpoints', 'Handshake'],
  minReadyEndpoints: 2,
  minReadySeconds: 2,
  probe: { intervalSeconds: 30, timeoutSeconds: 3, failureThreshold: 3, successThreshold: 1 },
};

function parsed(change: Partial<Mcp2ServerSpec> = {}): ParseResult {
  const spec: Mcp2ServerSpec = {
    source: { service: { name: 'db', port: 'grpc' } },
    tls: { mode: 'Mutual', caBundleRef: { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' } },
    capabilityMode: 'Intersect',
    capabilities: [{ name: 'db:inventory:read' }],
    readiness: READINESS,
    registration: { drainSeconds: 20, visibility: { from: 'Same' } },
    ...change,
  };
  const metadata = { name: 'db', namespace: 'shop' };
  const ok: Mcp2Server = { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', metadata, spec };
  return { ok };
}

function gates(...wanted: Readiness['gates']): Partial<Mcp2ServerSpec> {
  return { readiness: { ...READINESS, gates: wanted } };
}

/** A server that is in order, with these facts instead. */
function seen(change: Partial<Observation> = {}): Observation {
  return {
    generation: 7,
    deleting: false,
    parsed: parsed(),
    nameHolder: undefined,
    denial: undefined,
    references: { kind: 'resolved' },
    endpoints: { ready: 2, draining: 0, total: 2 },
    handshakes: { serving: 2, pending: 0, failed: [] },
    card: { declaredOnly: [], undeclared: [] },
    registration: { kind: 'read-back', revision: 5 },
    ...change,
  };
}

const FIRST_VISIT: Observation = {
  generation: 1,
  deleting: false,
  parsed: undefined,
  nameHolder: undefined,
  denial: undefined,
  references: undefined,
  endpoints: undefined,
  handshakes: undefined,
  card: undefined,
  registration: undefined,
};

function judge(observation: Observation, previous: readonly Condition[] = []): Record<ConditionType, Condition> {
  const list = conditions({ observation, previous, nowMs: NOW_MS });
  return Object.fromEntries(list.map((condition) => [condition.type, condition])) as Record<ConditionType, Condition>;
}

function failed(...reasons: FailedHandshake['reason'][]): Handshakes {
  const list = reasons.map((reason, index) => ({ url: `10.0.0.${index}:1`, reason, message: 'refused' }));
  return { serving: 0, pending: 0, failed: list };
}

function advised(advice: string): Handshakes {
  const { failed: list, ...rest } = failed('TokenRejected');
  return { ...rest, failed: list.map((one) => ({ ...one, advice })) };
}

interface Row {
  readonly title: string;
  readonly change: Partial<Observation>;
  readonly type: ConditionType;
  readonly expected: string;
  /** A word of the message that tells what to do, or where to look. */
  readonly says: RegExp;
}

const ROWS: readonly Row[] = [
  row('nothing was looked at', FIRST_VISIT, 'Accepted', 'Unknown Pending', /not been looked at/),
  row('all in order', {}, 'Accepted', 'True Valid', /valid/),
  row('one problem', invalid(1), 'Accepted', 'False InvalidSpec', /^spec\.a0: write it\. Correct the spec\.$/),
  row('five problems', invalid(5), 'Accepted', 'False InvalidSpec', /spec\.a2: write it and 2 more/),
  row(
    'a problem and a taken name',
    { ...invalid(1), nameHolder: 'x' },
    'Accepted',
    'False InvalidSpec',
    /Correct the spec/,
  ),
  row('a taken name', { nameHolder: 'Mcp2Server a/b' }, 'Accepted', 'False NameConflict', /belongs to Mcp2Server a\/b/),
  row(
    'a prefix of others',
    { denial: { reason: 'PrefixNotOwned', prefix: 'Inventory', owner: 'namespace shop' } },
    'Accepted',
    'False PrefixNotOwned',
    /namespace shop; use others/,
  ),
  row(
    'a policy against it',
    { denial: { reason: 'PolicyDenied', policy: 'Mcp2Issuer corp', detail: 'no db capabilities in shop' } },
    'Accepted',
    'False PolicyDenied',
    /Mcp2Issuer corp does not allow this: no db/,
  ),
  row('caches are loading', { references: undefined }, 'ResolvedRefs', 'Unknown CacheNotSynced', /not been looked up/),
  row('an invalid spec', invalid(1), 'ResolvedRefs', 'Unknown CacheNotSynced', /not been looked up/),
  row('all found', {}, 'ResolvedRefs', 'True Resolved', /found/),
  row(
    'found, with a warning',
    { references: { kind: 'resolved', warning: 'readiness lies' } },
    'ResolvedRefs',
    'True Resolved',
    /readiness lies/,
  ),
  refs({ kind: 'service-not-found' }, 'ServiceNotFound', /Service "db" in this namespace; create it/),
  refs({ kind: 'port-not-found', available: ['http', '8080'] }, 'PortNotFound', /no port grpc; it has http, 8080/),
  refs({ kind: 'external-name' }, 'RefNotPermitted', /use spec\.source\.address/),
  refs({ kind: 'ca-bundle-not-found' }, 'CABundleNotFound', /ConfigMap "mesh-ca" with key "ca\.crt"; create it/),
  refs({ kind: 'certificate-invalid', detail: 'expired' }, 'CertificateInvalid', /mesh-ca\/ca\.crt .*expired/),
  refs({ kind: 'not-permitted', what: 'ConfigMap mesh-ca' }, 'RefNotPermitted', /read ConfigMap mesh-ca; grant/),
  row('no slices yet', { endpoints: undefined }, 'EndpointsReady', 'Unknown Pending', /not known/),
  row('no Service', { references: { kind: 'service-not-found' } }, 'EndpointsReady', 'Unknown Pending', /not known/),
  ends([2, 0, 3], 'True EnoughEndpoints', /2 of 3 endpoints are ready; 2 wanted/),
  ends([990, 10, 1005], 'True EnoughEndpoints', /990 of 1005/),
  ends([1000, 1, 1001], 'True TooManyEndpoints', /Of 1001 endpoints 1000 are registered/),
  ends([0, 1, 2], 'False NoReadyEndpoints', /None of 2 .*readiness of the pods/),
  ends([1, 5, 6], 'False BelowMinimum', /1 of 2 wanted .*lower minReadyEndpoints/),
  ends([0, 0, 0], 'False ScaledToZero', /scale its workload up/),
  ends([0, 3, 3], 'False AllDraining', /All 3 endpoints are shutting down/),
  row('no handshake yet', { handshakes: undefined }, 'HandshakeVerified', 'Unknown Pending', /EndpointsReady says/),
  hands({ serving: 2, pending: 1, failed: [] }, 'True Verified', /2 endpoints answered/),
  hands({ serving: 1, pending: 1, failed: [] }, 'Unknown Pending', /Too few/),
  hands({ ...failed('Unreachable'), serving: 1, pending: 1 }, 'Unknown Pending', /Too few/),
  hands({ ...failed('TLSFailed'), serving: 1, pending: 0 }, 'False TLSFailed', /spec\.tls\.mode, caBundleRef/),
  hands(failed('Unreachable'), 'False Unreachable', /10\.0\.0\.0:1: .*network policies.*\(refused\)\.$/),
  hands(failed('TokenRejected'), 'False TokenRejected', /public keys/),
  hands(advised('it has another name'), 'False TokenRejected', /10\.0\.0\.0:1: it has another name \(refused\)\.$/),
  hands(failed('OpenToAnyone'), 'False OpenToAnyone', /verify tokens on every call/),
  hands(failed('WrongProtocol'), 'False WrongProtocol', /remove Handshake from spec\.readiness\.gates/),
  hands(failed('OpenToAnyone', 'TLSFailed', 'TLSFailed'), 'False TLSFailed', /10\.0\.0\.1:1: .*2 of 3 failures/),
  hands(failed('Unreachable', 'OpenToAnyone'), 'False OpenToAnyone', /1 of 2/),
  row(
    'handshake is no gate',
    { parsed: parsed(gates('Endpoints')), handshakes: undefined },
    'HandshakeVerified',
    'True NotRequired',
    /not among spec\.readiness\.gates/,
  ),
  row('no card yet', { card: undefined }, 'CapabilitiesMatch', 'Unknown NoCard', /no card yet/),
  row(
    'no card ever',
    { card: undefined, parsed: parsed(gates('Endpoints')) },
    'CapabilitiesMatch',
    'Unknown NoCard',
    /Without the gate/,
  ),
  row('both lists equal', {}, 'CapabilitiesMatch', 'True Match', /declared/),
  card(['a:b'], ['tool:dump'], {}, 'False UndeclaredCapability', /offers tool:dump\. .*hidden/),
  card(['a:b'], [], {}, 'False MissingCapability', /does not offer a:b\./),
  card([], ['tool:dump'], { capabilityMode: 'Discovered' }, 'True Match', /offers/),
  card(['a:b'], ['c:d'], { capabilityMode: 'Discovered' }, 'False MissingCapability', /a:b/),
  row('not written yet', { registration: undefined }, 'Registered', 'Unknown Pending', /not been written/),
  row('read back', {}, 'Registered', 'True ReadBack', /read back/),
  row(
    'the store says no',
    { registration: { kind: 'rejected', detail: 'the value is too large' } },
    'Registered',
    'False RegistryRejected',
    /too large/,
  ),
  row(
    'the store is away',
    { registration: { kind: 'unavailable' } },
    'Registered',
    'Unknown StoreUnavailable',
    /goes on trying/,
  ),
  row('being deleted', { deleting: true }, 'Registered', 'False Deleting', /removed from Discovery/),
];

test.each(ROWS)('$title: $type is $expected', ({ change, type, expected, says }) => {
  const { status, reason, message } = judge(seen(change))[type];
  expect(`${status} ${reason}`).toBe(expected);
  expect(message).toMatch(says);
});

test('the rows above reach every reason of every condition', () => {
  const reached = new Set(ROWS.map(({ type, expected }) => `${type} ${expected}`));
  const possible = Object.entries(CONDITIONS).flatMap(([type, reasons]) =>
    Object.entries<readonly string[]>(reasons).flatMap(([status, list]) =>
      list.map((reason) => `${type} ${status} ${reason}`),
    ),
  );
  expect(possible.filter((line) => !reached.has(line))).toEqual(['Ready True Serving']);
  expect([...reached].filter((line) => !possible.includes(line))).toEqual([]);
});

test.each([
  ['all in order', {}, 'True Serving'],
  ['the first visit', FIRST_VISIT, 'Unknown Pending'],
  ['an invalid spec', invalid(1), 'False InvalidSpec'],
  ['two failures: the first', { nameHolder: 'x', references: { kind: 'service-not-found' } }, 'False NameConflict'],
  ['Unknown before False: the False', { card: undefined, handshakes: undefined, deleting: true }, 'False Deleting'],
  ['two unknown: the first', { endpoints: undefined, registration: undefined }, 'Unknown Pending'],
  ['the store is away', { registration: { kind: 'unavailable' } }, 'Unknown StoreUnavailable'],
  ['drift, in mode Intersect', { card: { declaredOnly: [], undeclared: ['a:b'] } }, 'True Serving'],
  ['no card, in mode Intersect', { card: undefined }, 'True Serving'],
  [
    'drift, in mode Declared',
    { parsed: parsed({ capabilityMode: 'Declared' }), card: { declaredOnly: [], undeclared: ['a:b'] } },
    'False UndeclaredCapability',
  ],
  ['no card, in mode Declared', { parsed: parsed({ capabilityMode: 'Declared' }), card: undefined }, 'Unknown NoCard'],
  [
    'a server of the reference proto, in mode Declared',
    { parsed: parsed({ capabilityMode: 'Declared', ...gates('Endpoints') }), card: undefined, handshakes: undefined },
    'True Serving',
  ],
  [
    'too few endpoints, with Handshake as the only gate',
    { parsed: parsed(gates('Handshake')), endpoints: { ready: 0, draining: 2, total: 2 } },
    'True Serving',
  ],
  [
    'failed handshakes, with Endpoints as the only gate',
    { parsed: parsed(gates('Endpoints')), handshakes: failed('TLSFailed') },
    'True Serving',
  ],
] satisfies [string, Partial<Observation>, string][])('Ready with %s', (_title, change, expected) => {
  const { status, reason } = judge(seen(change)).Ready;
  expect(`${status} ${reason}`).toBe(expected);
});

test('all seven are there from the first visit, in order, with the generation that was seen', () => {
  const list = conditions({ observation: FIRST_VISIT, previous: [], nowMs: NOW_MS });
  expect(list.map(({ type }) => type)).toEqual(Object.keys(CONDITIONS));
  expect(new Set(list.map(({ observedGeneration }) => observedGeneration))).toEqual(new Set([1]));
  expect(new Set(list.map(({ lastTransitionTime }) => lastTransitionTime))).toEqual(new Set([NOW]));
});

test('lastTransitionTime moves when the status flips, and not with the reason, the message or the generation', () => {
  const previous = conditions({ observation: seen({ registration: undefined }), previous: [], nowMs: 0 }).map(
    (condition) => ({ ...condition, lastTransitionTime: BEFORE, observedGeneration: 6 }),
  );
  const after = judge(seen({ endpoints: { ready: 3, draining: 0, total: 3 } }), previous);
  expect(after.EndpointsReady).toMatchObject({ lastTransitionTime: BEFORE, observedGeneration: 7 });
  expect(after.Registered.lastTransitionTime).toBe(NOW);
  expect(after.Ready.lastTransitionTime).toBe(NOW);
  const away = judge(seen({ registration: { kind: 'unavailable' } }), previous);
  expect(away.Registered).toMatchObject({ reason: 'StoreUnavailable', lastTransitionTime: BEFORE });
});

test('the same situation gives the same conditions, so nothing is written', () => {
  const previous = conditions({ observation: seen(), previous: [], nowMs: NOW_MS });
  expect(conditions({ observation: seen(), previous, nowMs: NOW_MS + 60_000 })).toEqual(previous);
});

test('the order in which handshakes fail does not change the message', () => {
  const { failed: list } = failed('TLSFailed', 'Unreachable', 'TLSFailed');
  const message = (order: readonly FailedHandshake[]) =>
    judge(seen({ handshakes: { serving: 0, pending: 0, failed: order } })).HandshakeVerified.message;
  expect(message([...list].reverse())).toBe(message(list));
});

test('a message that the API server would refuse as too long is cut', () => {
  const detail = 'x'.repeat(40_000);
  const { message } = judge(seen({ registration: { kind: 'rejected', detail } })).Registered;
  expect(message).toHaveLength(32_768);
});

function row(title: string, change: Partial<Observation>, type: ConditionType, expected: string, says: RegExp): Row {
  return { title, change, type, expected, says };
}

function invalid(count: number): Partial<Observation> {
  const problems = Array.from({ length: count }, (_, index) => {
    return { path: `spec.a${index}`, message: 'write it', segments: ['spec', `a${index}`] };
  });
  return { parsed: { problems } };
}

function refs(references: NonNullable<Observation['references']>, reason: string, says: RegExp): Row {
  return row(references.kind, { references }, 'ResolvedRefs', `False ${reason}`, says);
}

function ends([ready, draining, total]: readonly [number, number, number], expected: string, says: RegExp): Row {
  const title = `${ready} ready, ${draining} draining of ${total}`;
  return row(title, { endpoints: { ready, draining, total } }, 'EndpointsReady', expected, says);
}

function hands(handshakes: Partial<Handshakes>, expected: string, says: RegExp): Row {
  const full: Handshakes = { serving: 0, pending: 0, failed: [], ...handshakes };
  const title = `${full.serving} serving, ${full.pending} pending, ${full.failed.map(({ reason }) => reason)} failed`;
  return row(title, { handshakes: full }, 'HandshakeVerified', expected, says);
}

function card(
  declaredOnly: readonly string[],
  undeclared: readonly string[],
  spec: Partial<Mcp2ServerSpec>,
  ...[expected, says]: [string, RegExp]
): Row {
  const title = `declared only ${declaredOnly}, undeclared ${undeclared}, ${spec.capabilityMode ?? 'Intersect'}`;
  return row(title, { card: { declaredOnly, undeclared }, parsed: parsed(spec) }, 'CapabilitiesMatch', expected, says);
}

test('while the store is away only Registered and Ready change', () => {
  const before = conditions({ observation: seen(), previous: [], nowMs: Date.parse(BEFORE) });
  const observation = seen({ generation: 8, handshakes: undefined, registration: { kind: 'unavailable' } });
  const away = conditionsWhileAway({ observation, previous: before, nowMs: NOW_MS });
  expect(away.filter(({ type }) => !['Registered', 'Ready'].includes(type))).toEqual(
    before.filter(({ type }) => !['Registered', 'Ready'].includes(type)),
  );
  const changed = { status: 'Unknown', reason: 'StoreUnavailable', lastTransitionTime: NOW };
  expect(away.find(({ type }) => type === 'Registered')).toMatchObject({ ...changed, observedGeneration: 7 });
  expect(away.find(({ type }) => type === 'Ready')).toMatchObject(changed);
});

test('a server that was not ready for another reason keeps that reason while the store is away', () => {
  const broken = seen({ endpoints: { ready: 0, draining: 0, total: 0 } });
  const before = conditions({ observation: broken, previous: [], nowMs: Date.parse(BEFORE) });
  const observation = seen({ registration: { kind: 'unavailable' } });
  const away = conditionsWhileAway({ observation, previous: before, nowMs: NOW_MS });
  expect(away.find(({ type }) => type === 'Ready')).toEqual(before.find(({ type }) => type === 'Ready'));
});

test('endpoints that have not been ready for minReadySeconds are no reason to call the server ready', () => {
  const spec = gates('Endpoints');
  const waiting = seen({ parsed: parsed(spec), endpoints: { ready: 2, draining: 0, total: 2, settling: 1 } });
  const found = conditions({ observation: waiting, previous: [], nowMs: NOW_MS });
  const pending = { status: 'Unknown', reason: 'Pending' };
  expect(found.find(({ type }) => type === 'EndpointsReady')).toMatchObject(pending);
  expect(found.find(({ type }) => type === 'Ready')).toMatchObject(pending);
});

test('words of others stay on one line and are seen', () => {
  const nameHolder = 'shop.db\nReady   True\u001b[2J\u202e\u2028';
  const { message } = judge(seen({ nameHolder })).Accepted;
  expect(message).toMatch(/^The server name belongs to shop\.db Ready {3}True \[2J . Choose another/);
  expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
});
