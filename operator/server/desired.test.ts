import { describe, expect, test } from 'vitest';
import type { ReadCard } from '#lib/card/service-card.ts';
import type { Owner } from '#lib/store/owner.ts';
import type { Health } from '#lib/store/servers.ts';
import { type DesiredInput, desiredRecord } from './desired.ts';
import { type Candidate, instanceIdOf } from './endpoints.ts';
import type { Mcp2Server, Mcp2ServerSpec } from './resource.ts';

const owner: Owner = { manager: 'mcp2-operator', installation: 'one', namespace: 'shop', name: 'db', uid: 'u1' };
const URLS = ['10.0.0.1:1', '10.0.0.2:1'];
const READ = 'db:stock:read';
const WRITE = 'db:stock:write';

function resource(spec: Partial<Mcp2ServerSpec> = {}): Mcp2Server {
  return {
    apiVersion: 'mcp2.dev/v1alpha1',
    kind: 'Mcp2Server',
    metadata: { name: 'db', namespace: 'shop' },
    spec: {
      source: { service: { name: 'db', port: 'grpc' } },
      tls: { mode: 'Disabled' },
      capabilityMode: 'Intersect',
      capabilities: [{ name: READ }, { name: WRITE }],
      readiness: {
        gates: ['Endpoints', 'Handshake'],
        minReadyEndpoints: 1,
        minReadySeconds: 0,
        probe: { intervalSeconds: 30, timeoutSeconds: 3, failureThreshold: 3, successThreshold: 1 },
      },
      registration: { drainSeconds: 20, visibility: { from: 'Same' } },
      ...spec,
    },
  };
}

function card(digest: string, ...capabilities: string[]): ReadCard {
  return { card: { name: 'db', version: digest, protocol: 'mcp2/1', services: [], capabilities }, digest };
}

/** Two endpoints that are ready; `cards` says what each has shown to this process. */
function desired(cards: readonly (ReadCard | undefined)[], input: Partial<DesiredInput> = {}) {
  return desiredRecord({
    resource: resource(),
    owner,
    candidates: URLS.map((url) => ({ instanceId: instanceIdOf(url), url, state: 'ready' })),
    tlsServerName: undefined,
    visibility: { visibleTo: ['shop.*'], requiredCapabilities: [] },
    held: undefined,
    verdictOf: (instanceId) => {
      const shown = cards[URLS.findIndex((url) => instanceIdOf(url) === instanceId)];
      return shown ? { verified: true, card: shown } : { verified: undefined };
    },
    readyForMs: () => 10_000,
    ...input,
  });
}

const healths = ({ record }: ReturnType<typeof desired>): Health[] => record.endpoints.map(({ health }) => health);

test('before any card is known the declared capabilities are written, with nobody serving', () => {
  const first = desired([]);
  expect(first.record.capabilities).toEqual([READ, WRITE]);
  expect(healths(first)).toEqual(['UNKNOWN', 'UNKNOWN']);
  expect(first.isProved).toBe(false);
});

test('once cards are known, only what all of them say', () => {
  const proved = desired([card('a', READ, WRITE), card('b', READ)]);
  expect(proved.record.capabilities).toEqual([READ]);
  expect(proved.isProved).toBe(true);
});

test.each([
  ['one card', [card('a', READ), card('a', READ)]],
  ['different cards', [card('a', READ, WRITE), card('b', READ)]],
])('after a restart a server with %s keeps its record, whatever was proved again already', (_title, cards) => {
  const { record: held } = desired(cards);
  const again: readonly (readonly (ReadCard | undefined)[])[] = [[], [cards[0]], [undefined, cards[1]], cards];
  for (const shown of again) expect(desired(shown, { held }).record).toEqual(held);
});

test('an endpoint that joins while others are only taken over narrows what is advertised', () => {
  const { record } = desired([card('a', READ, WRITE), card('a', READ, WRITE)]);
  const held = { ...record, endpoints: record.endpoints.filter(({ url }) => url === URLS[0]) };
  const joined = desired([undefined, card('b', READ)], { held });
  expect(joined.record.capabilities).toEqual([READ]);
  expect(joined.isProved).toBe(false);
});

test('what is not declared any more goes at once, also while endpoints are taken over', () => {
  const { record: held } = desired([card('a', READ, WRITE), card('a', READ, WRITE)]);
  const narrower = resource({ capabilities: [{ name: READ }] });
  expect(desired([], { held, resource: narrower }).record.capabilities).toEqual([READ]);
});

test('in mode Declared the cards change nothing', () => {
  const declared = resource({ capabilityMode: 'Declared' });
  expect(desired([card('a', READ)], { resource: declared }).record.capabilities).toEqual([READ, WRITE]);
});

describe('while the pods of a server are replaced', () => {
  const slow = resource({ readiness: { ...resource().spec.readiness, minReadySeconds: 2 } });
  const unproved = resource({ readiness: { ...slow.spec.readiness, gates: ['Endpoints'] } });
  const [a, b] = [card('a', READ), card('b', READ)];
  const { record: held } = desired([a]);
  const OLD = instanceIdOf('10.0.0.1:1');
  const candidate = (i: number, state: Candidate['state']): Candidate => {
    const url = URLS[i] ?? '';
    return { instanceId: instanceIdOf(url), url, state };
  };
  const [leaving, coming] = [candidate(0, 'draining'), candidate(1, 'ready')];
  const replaced: Partial<DesiredInput> = {
    ...{ resource: slow, held, candidates: [leaving, coming] },
    readyForMs: () => 0,
  };

  test('who is verified need not wait when nobody else serves', () => {
    expect(healths(desired([a, b], replaced))).toEqual(['DRAINING', 'SERVING']);
  });

  test('it waits while somebody else serves', () => {
    const candidates = [candidate(0, 'ready'), coming];
    expect(healths(desired([a, b], { ...replaced, candidates }))).toEqual(['SERVING', 'UNKNOWN']);
  });

  test('it waits when nobody shuts down: one that comes and goes helps nobody', () => {
    const waiting = desired([undefined, b], { ...replaced, candidates: [coming] });
    expect(healths(waiting)).toEqual(['UNKNOWN']);
    expect(waiting.settlesInMs).toBe(2_000);
  });

  test('before anybody is verified, those that served go on, also after a restart', () => {
    const { record } = desired([a], replaced);
    expect(record.endpoints.map(({ health }) => health)).toEqual(['SERVING', 'UNKNOWN']);
    expect(desired([], { ...replaced, held: record }).record).toEqual(record);
  });

  test.each<[string, Partial<DesiredInput>]>([
    ['nobody comes', { candidates: [leaving] }],
    ['they did not serve before', { held: undefined }],
    ['who comes needs no handshake', { resource: unproved }],
    ['who comes was refused', { verdictOf: (id) => ({ verified: id === OLD }) }],
    ['they were refused', { verdictOf: (id) => ({ verified: id === OLD ? false : undefined }) }],
  ])('those that served stop when %s', (_title, input) => {
    expect(healths(desired([a], { ...replaced, ...input }))[0]).toBe('DRAINING');
  });
});
