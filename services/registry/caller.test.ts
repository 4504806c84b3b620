import { describe, expect, test } from 'vitest';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Endpoint } from '#lib/store/servers.ts';
import { toVerifiedToken, type VerifiedToken } from '#lib/token/verified-token.ts';
import { Callers } from './caller.ts';
import type { Registration } from './registration.ts';

function token(
  claims: { jti?: string; aud?: readonly string[]; capabilities?: readonly string[] } = {},
): VerifiedToken {
  const { jti = 'a'.repeat(22), aud = ['Db'], capabilities = ['db:*'] } = claims;
  const times = { exp: 2_000_000_000, iat: 1_999_999_000, nbf: undefined };
  const none = { tid: undefined, txn: undefined, grants: undefined };
  return toVerifiedToken({ iss: 'mcp2:test', sub: 'shop.agent', aud, jti, capabilities, ...times, ...none });
}

const endpoint: Endpoint = {
  instanceId: 'a',
  url: '10.0.0.1:1',
  transport: 'TLS',
  health: 'SERVING',
  weight: 100,
};

function registration(changes: Partial<Registration> = {}): Registration {
  const capabilities = ['db:a:read', 'tool:x'].map((text) => compilePattern(text) as Pattern);
  return {
    serverName: 'Db',
    foldedName: 'db',
    capabilities,
    tags: {},
    version: '',
    visibility: { visibleTo: [], requiredCapabilities: [] },
    cardDigest: '',
    endpoints: [endpoint],
    isServing: true,
    zone: undefined,
    region: undefined,
    loadPermille: 0,
    ttlSeconds: 0,
    modRevision: 1,
    ...changes,
  };
}

/** Encodes as JSON, so that a test can read what was told. */
function createCallers() {
  const told: { readonly capabilities?: string[]; readonly latency_ms?: number; readonly expires_at_ms?: unknown }[] =
    [];
  const callers = new Callers((descriptor) => {
    told.push(descriptor);
    return Buffer.from(String(told.length));
  });
  return { callers, told };
}

describe('what was encoded for a caller', () => {
  const at = (nowMs: number, latencyMs?: number) => ({ nowMs, latencyMs });

  test('is kept for tokens with the same rights and no others', () => {
    const { callers, told } = createCallers();
    const db = registration();
    callers.of(token()).frameOf(db, endpoint, at(0));
    callers.of(token({ jti: 'b'.repeat(22) })).frameOf(db, endpoint, at(9_999_999));
    expect(told).toHaveLength(1);
    callers.of(token({ capabilities: ['tool:x'] })).frameOf(db, endpoint, at(0));
    expect(told.map(({ capabilities }) => capabilities)).toEqual([['db:a:read'], ['tool:x']]);
  });

  test('is made anew when clients measured something else', () => {
    const { callers, told } = createCallers();
    const caller = callers.of(token());
    const db = registration();
    for (const latencyMs of [undefined, undefined, 4, 4, 5]) caller.frameOf(db, endpoint, { nowMs: 0, latencyMs });
    expect(told.map(({ latency_ms }) => latency_ms)).toEqual([0, 4, 5]);
  });

  test('is made anew each second for an endpoint with a lease, so that its end is told right', () => {
    const { callers, told } = createCallers();
    const caller = callers.of(token());
    const leased = registration({ ttlSeconds: 30 });
    for (const nowMs of [1_000, 1_999, 2_000, 2_500]) caller.frameOf(leased, endpoint, at(nowMs));
    expect(told.map(({ expires_at_ms }) => expires_at_ms)).toEqual([31_000, 32_000]);
  });
});

describe('the verdict on a registration', () => {
  test('is asked of each registration, so a changed record is judged anew', () => {
    const caller = createCallers().callers.of(token());
    const hidden = { visibleTo: ['shop.other'], requiredCapabilities: [] };
    expect([caller.sees(registration()), caller.sees(registration({ visibility: hidden }))]).toEqual([true, false]);
    expect(caller.sees(registration({ serverName: 'Other' }))).toBe(false);
  });

  test('is forgotten with all others before they fill the memory', () => {
    const { callers } = createCallers();
    const first = callers.of(token());
    for (let i = 0; i <= 200_000; i += 1) first.sees({ ...registration(), modRevision: i });
    expect(callers.of(token())).not.toBe(first);
  });

  test('is forgotten sooner where servers say a lot of themselves', () => {
    const large = Buffer.alloc(100_000);
    const callers = new Callers(() => large);
    const first = callers.of(token());
    for (let i = 0; i < 1_000; i += 1)
      first.frameOf(registration(), { ...endpoint }, { nowMs: 0, latencyMs: undefined });
    expect(callers.of(token())).not.toBe(first);
  });
});

describe('filters', () => {
  const reasonOf = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      if (error instanceof ServiceError) return error.reason;
    }
    return undefined;
  };

  test('that were allowed once are allowed again, and others still are not', () => {
    const caller = createCallers().callers.of(token());
    for (let round = 0; round < 2; round += 1) {
      expect(caller.mayLookUp(['db:a', 'db:b:*']).map(({ text }) => text)).toEqual(['db:a', 'db:b:*']);
      expect(reasonOf(() => caller.mayLookUp(['db:a', 'tool:x']))).toBe('CAPABILITY_DENIED');
      expect(reasonOf(() => caller.mayLookUp(['tool:x', 'db:*x']))).toBe('FILTER_INVALID');
    }
  });

  test('are remembered in a bounded number', () => {
    const caller = createCallers().callers.of(token());
    for (let i = 0; i < 1_000; i += 1) expect(caller.mayLookUp([`db:t${i}`])).toHaveLength(1);
    expect(caller.mayLookUp(Array.from({ length: 64 }, (_, i) => `db:t${i}`))).toHaveLength(64);
  });
});
