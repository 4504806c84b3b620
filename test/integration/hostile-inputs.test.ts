/**
 * One input at least for every reason that protocol.md names, over real gRPC on each store: its status, its reason, no
 * word of the token in the message, and a store whose revision did not move.
 *
 * The list is checked against REASONS, so that a reason without an input fails here. Every malformed form of each input is
 * in registry-refusals.test.ts.
 */
import { expect, test } from 'vitest';
import { REASONS, type Reason } from '#lib/errors.ts';
import { statusCodeOf } from '#lib/grpc/status.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { type OnStore, useRegistries } from '../harness/registry-calls.ts';
import { EVERY_RIGHT, ISSUER, refusalOf, STORE_KINDS } from '../harness/registry-fixture.ts';

const on = useRegistries({ MCP2_REGISTRY_ALLOW_LOOPBACK: 'false' });
const HOUR_MS = 3_600_000;

type Held = { readonly server_name: string; readonly instance_id: string; readonly lease_token: Buffer };
type Input = (calls: OnStore, held: Held) => Promise<unknown>;

const lookup =
  (request: object): Input =>
  (calls) =>
    calls.lookup(request);
const register =
  (request: object): Input =>
  (calls) =>
    calls.register({ server_name: 'Db_New', ...request });
const withToken =
  (make: (calls: OnStore) => Promise<string>): Input =>
  async (calls) =>
    calls.lookup({ requester_token: await make(calls) });

const INPUTS: Readonly<Partial<Record<Reason, Input>>> = {
  CREDENTIAL_MISSING: lookup({ requester_token: '' }),
  CREDENTIAL_CONFLICT: async (calls) =>
    calls.lookup({}, { authorization: `Bearer ${await calls.tokens.mint({ sub: 'shop.other' })}` }),
  TOKEN_MALFORMED: lookup({ requester_token: 'not-a-token' }),
  TOKEN_UNTRUSTED: withToken(foreignToken),
  TOKEN_NOT_YET_VALID: withToken(({ tokens }) => tokens.mint({}, { nowMs: Date.now() + HOUR_MS })),
  TOKEN_EXPIRED: withToken(({ tokens }) => tokens.mint({}, { nowMs: Date.now() - HOUR_MS })),
  PROOF_UNSUPPORTED: lookup({ agent_delegation_proof: 'anything' }),
  AUDIENCE_MISMATCH: async (calls) =>
    calls.register({ server_name: 'Db_New', registration_token: await calls.tokens.mint({ aud: ['Db_New'] }) }),
  CAPABILITY_DENIED: withToken(({ tokens }) => tokens.mint({ capabilities: ['tool:x'] })),
  NAME_TAKEN: async (calls) =>
    calls.register({ server_name: 'Db_Held', registration_token: await calls.tokens.mint({ sub: 'shop.other' }) }),
  NAME_RESERVED: register({ server_name: 'REGISTRYSERVER' }),
  LEASE_NOT_YOURS: (calls, held) => calls.deregister({ ...held, lease_token: Buffer.alloc(32) }),
  ARGUMENT_INVALID: register({ ttl_seconds: 9 }),
  NAME_INVALID: register({ server_name: 'Db_*' }),
  FILTER_INVALID: lookup({ capability_filter: ['db:inv*'] }),
  TAG_INVALID: lookup({ tag_selector: JSON.parse('{"__proto__": "x"}') }),
  PAGE_TOKEN_INVALID: lookup({ page_token: 'garbage' }),
  ENDPOINT_INVALID: register({ grpc_url: '0177.0.0.1:80' }),
  ENDPOINT_REFUSED: register({ grpc_url: '[::ffff:169.254.169.254]:80' }),
  INSTANCE_UNKNOWN: (calls, held) => calls.beat({ ...held, instance_id: 'a'.repeat(26) }),
  LIMIT_EXCEEDED: register({ capabilities: Array.from({ length: 65 }, (_, i) => `db:t${i}:read`) }),
  REVISION_NOT_REACHED: lookup({ min_revision: 1_000_000 }),
  UNIMPLEMENTED: async ({ registry, tokens }) =>
    registry.client.call('GetCard', { requester_token: await tokens.mint(), server_name: 'Db_Held' }),
};

const OF_CONTEXTS_AND_TOOLS = 'of the RPCs of contexts and tools; test/database/rpc/reasons.test.ts';

/** Reasons that no input of a caller brings about, and where they are shown. */
const OF_EVENTS = 'the event bus; test/conformance/event-bus';
const ELSEWHERE: Readonly<Partial<Record<Reason, string>>> = {
  TOKEN_REVOKED: 'there is no revocation feed yet; services/lib/token/verify.test.ts',
  REVOCATION_STALE: 'there is no revocation feed yet; services/lib/token/revocations.test.ts',
  STORE_UNAVAILABLE: 'the store is away; registry-outage.test.ts',
  SHUTTING_DOWN: 'the server stops; grpc-drain.test.ts',
  DEADLINE_EXCEEDED: 'time passes; grpc-unary.test.ts',
  INTERNAL: 'a defect of ours; grpc-unary.test.ts',
  CONTEXT_UNKNOWN: OF_CONTEXTS_AND_TOOLS,
  NOT_ACCEPTABLE: OF_CONTEXTS_AND_TOOLS,
  TOOL_UNKNOWN: OF_CONTEXTS_AND_TOOLS,
  SCHEMA_CHANGED: OF_CONTEXTS_AND_TOOLS,
  IDEMPOTENCY_CONFLICT: OF_CONTEXTS_AND_TOOLS,
  OUTCOME_UNKNOWN: OF_CONTEXTS_AND_TOOLS,
  CARD_UNKNOWN: OF_CONTEXTS_AND_TOOLS,
  BACKEND_UNAVAILABLE: OF_CONTEXTS_AND_TOOLS,
  BACKEND_REFUSED: OF_CONTEXTS_AND_TOOLS,
  POOL_FULL: OF_CONTEXTS_AND_TOOLS,
  STATEMENT_TIMEOUT: OF_CONTEXTS_AND_TOOLS,
  RATE_LIMITED: OF_CONTEXTS_AND_TOOLS,
  QUEUE_FULL: OF_CONTEXTS_AND_TOOLS,
  MODULE_TIMEOUT: OF_CONTEXTS_AND_TOOLS,
  MODULE_FAILED: OF_CONTEXTS_AND_TOOLS,
  TOPIC_RESERVED: OF_EVENTS,
  PAYLOAD_INVALID: OF_EVENTS,
  SUBSCRIPTION_UNKNOWN: OF_EVENTS,
  LOG_EPOCH: OF_EVENTS,
  START_IN_FUTURE: OF_EVENTS,
  FILTER_FIXED: OF_EVENTS,
  SEQUENCE_MISMATCH: OF_EVENTS,
  SUBSCRIPTION_TAKEN: OF_EVENTS,
  EVENT_ID_REUSED: OF_EVENTS,
  BEFORE_RETENTION: OF_EVENTS,
  EVENT_DAMAGED: 'the event log; event-log-damage.test.ts',
  QUOTA_EXCEEDED: OF_EVENTS,
  SLOW_CONSUMER: OF_EVENTS,
  LOG_FULL: 'the event log; event-log-full-disk.test.ts',
  BREAKER_OPEN: 'no server has a breaker yet',
  SEQUENCE_BROKEN: 'no server has sessions yet',
  SESSION_UNKNOWN: 'no server has sessions yet',
  STREAM_UNKNOWN: 'no server has telemetry yet',
  STREAM_TAKEN: 'no server has telemetry yet',
  ETAG_MISMATCH: 'no server takes uploads yet',
  UPLOAD_TOO_LONG: 'no server takes uploads yet',
  UPLOAD_TOO_SHORT: 'no server takes uploads yet',
  DIGEST_MISMATCH: 'no server takes uploads yet',
};

test('every reason has an input here, or a place where it is shown', () => {
  expect([...Object.keys(INPUTS), ...Object.keys(ELSEWHERE)].sort()).toEqual([...REASONS].sort());
});

test.each(STORE_KINDS)('each input gets its status and reason on %s, and the store does not move', async (kind) => {
  const calls = on(kind);
  const { instance_id, lease_token } = await calls.register({ server_name: 'Db_Held' });
  const held = { server_name: 'Db_Held', instance_id, lease_token };
  const revision = await revisionOf(calls);
  for (const [reason, input] of Object.entries(INPUTS) as [Reason, Input][]) {
    const refusal = await refusalOf(input(calls, held));
    const expected = { reason, code: statusCodeOf(reason) };
    expect({ reason: refusal.reason, code: refusal.code }).toEqual(expected);
    expect(refusal.message).not.toContain('eyJ');
    expect({ reason, revision: await revisionOf(calls) }).toEqual({ reason, revision });
  }
});

async function revisionOf({ store }: OnStore): Promise<number> {
  return (await store.store.get('/mcp2/v1/servers/db_held')).revision;
}

/** Of the right issuer, by its own word, and of another key. */
async function foreignToken(): Promise<string> {
  const stranger = await importSigningKey((await generateSigningKey()).privateJwk);
  const claims = { iss: ISSUER, sub: 'shop.db', aud: ['RegistryServer', 'Db_*'], capabilities: EVERY_RIGHT };
  return mintToken(stranger, claims, { clock: { nowMs: () => Date.now() } });
}
