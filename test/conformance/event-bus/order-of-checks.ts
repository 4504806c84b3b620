/**
 * Which of two broken rules a Publish is refused for: credential, form, right, quota, schema, dedup,
 * expected_last_sequence. A retry must be told its sequence, and nobody learns of what is behind a right.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CallerClaims, PublishFields } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import { createWorkspace } from '../../harness/processes.ts';
import { type BusReason, type BusUnderTest, expectRefused, useBus } from './bus-under-test.ts';

const BURST = 4;
/** Nobody may publish here twice in a test's time. */
const SLOW = { MCP2_EVENT_BUS_QUOTA_PUBLISHES: '1', MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: `${BURST}` };
const GOOD = Buffer.from('{"a":1}');
const BAD = Buffer.from('{"a":"x"}');

interface Case {
  readonly claims?: CallerClaims;
  readonly minted?: { readonly nowMs: number };
  readonly topic?: string;
  readonly fields: PublishFields;
  readonly reason: BusReason;
}

const OLD = { nowMs: Date.now() - 3_600_000 };
const NO_RIGHT = { capabilities: ['event:publish:elsewhere:*', 'event:subscribe:*'] };

const PAIRS: Readonly<Record<string, Case>> = {
  'no token and a bad topic': { topic: 'a::b', fields: { publisher_token: '' }, reason: 'CREDENTIAL_MISSING' },
  'no token and a reserved topic': { topic: '_a', fields: { publisher_token: '' }, reason: 'CREDENTIAL_MISSING' },
  'a token that is none and a bad topic': {
    topic: 'a::b',
    fields: { publisher_token: 'x' },
    reason: 'TOKEN_MALFORMED',
  },
  'an expired token and a bad topic': { minted: OLD, topic: 'a::b', fields: {}, reason: 'TOKEN_EXPIRED' },
  'an expired token and a bad field': { minted: OLD, fields: { event_id: '\n' }, reason: 'TOKEN_EXPIRED' },
  'an expired token and no right': { minted: OLD, claims: NO_RIGHT, fields: {}, reason: 'TOKEN_EXPIRED' },
  'a token for another server and a bad topic': {
    claims: { aud: ['RegistryServer'] },
    topic: 'a::b',
    fields: {},
    reason: 'AUDIENCE_MISMATCH',
  },
  'a token for another server and no right': {
    claims: { ...NO_RIGHT, aud: ['RegistryServer'] },
    fields: {},
    reason: 'AUDIENCE_MISMATCH',
  },
  'a proof, which nobody takes yet, and a bad topic': {
    topic: 'a::b',
    fields: { agent_delegation_proof: 'x' },
    reason: 'PROOF_UNSUPPORTED',
  },
  'a bad topic and no right': { claims: NO_RIGHT, topic: 'a::b', fields: {}, reason: 'NAME_INVALID' },
  'a reserved topic and no right': { claims: NO_RIGHT, topic: '_a:b', fields: {}, reason: 'TOPIC_RESERVED' },
  'a large payload and no right': {
    claims: NO_RIGHT,
    fields: { payload: Buffer.alloc(256 * 1024 + 1) },
    reason: 'ARGUMENT_INVALID',
  },
  'a bad attribute and no right': {
    claims: NO_RIGHT,
    fields: { attributes: { 'mcp2-a': '' } },
    reason: 'ARGUMENT_INVALID',
  },
  'a negative expectation and no right': {
    claims: NO_RIGHT,
    fields: { expected_last_sequence: -1 },
    reason: 'ARGUMENT_INVALID',
  },
  'no right and a payload that its schema refuses': {
    claims: NO_RIGHT,
    fields: { payload: BAD },
    reason: 'CAPABILITY_DENIED',
  },
  'no right and a wrong expectation': {
    claims: NO_RIGHT,
    fields: { payload: GOOD, expected_last_sequence: 7 },
    reason: 'CAPABILITY_DENIED',
  },
  'a payload that its schema refuses and a wrong expectation': {
    fields: { payload: BAD, expected_last_sequence: 7 },
    reason: 'PAYLOAD_INVALID',
  },
};

export function describeOrderOfChecks(under: BusUnderTest): void {
  describe('the order of checks at Publish', () => {
    const file = join(createWorkspace('order-of-checks').folder, 'schemas.yaml');
    beforeAll(() => {
      writeFileSync(join(file, '../number.json'), '{"type":"object","properties":{"a":{"type":"integer"}}}');
      writeFileSync(file, 'schemas: [{topics: "*:checked", file: number.json}]\n');
    });
    const bus = useBus(under, () => ({ settings: { ...SLOW, MCP2_EVENT_BUS_SCHEMAS_FILE: file } }));
    const checked = () => `${ownName()}:checked`;

    test.each(Object.entries(PAIRS))('%s', async (_title, { claims, minted, topic, fields, reason }) => {
      const caller = await bus().caller(claims, minted);
      await expectRefused(caller.publish(topic ?? checked(), fields), reason);
    });

    test('no right and the quota spent: the right', async () => {
      const sub = ownName('spent');
      await spend(sub);
      const weaker = await bus().caller({ ...NO_RIGHT, sub });
      await expectRefused(weaker.publish(ownName()), 'CAPABILITY_DENIED');
    });

    test.each([
      ['a payload that its schema refuses', { payload: BAD }],
      ['a wrong expectation', { payload: GOOD, expected_last_sequence: 9 }],
    ])('the quota spent and %s: the quota', async (_title, fields) => {
      const caller = await bus().caller({ sub: ownName('spent') });
      await spend(caller.sub);
      const topic = checked();
      const answers = await Promise.allSettled(Array.from({ length: 2 * BURST }, () => caller.publish(topic, fields)));
      // One may pass the quota in the time that it takes.
      const reasons = answers.map((answer) => answer.status === 'rejected' && answer.reason.reason);
      expect(reasons).toContain('QUOTA_EXCEEDED');
    });

    test('a payload that its schema refuses and an id used before: the schema', async () => {
      const caller = await bus().caller();
      const topic = checked();
      await caller.publish(topic, { payload: GOOD, event_id: 'e' });
      await expectRefused(caller.publish(topic, { payload: BAD, event_id: 'e' }), 'PAYLOAD_INVALID');
    });

    test('an id used before with another payload and a wrong expectation: the id', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publish(topic, { payload: GOOD, event_id: 'e' });
      const reused = caller.publish(topic, { payload: BAD, event_id: 'e', expected_last_sequence: 9 });
      await expectRefused(reused, 'EVENT_ID_REUSED');
    });

    test('a duplicate whose expectation was right the first time is told its sequence, and never ABORTED', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const request = { payload: GOOD, event_id: 'e', expected_last_sequence: 0 };
      const first = await caller.publish(topic, request);
      await caller.publish(topic, { payload: GOOD });
      expect(await caller.publish(topic, request)).toMatchObject({
        ...{ success: true, duplicate: true, sequence_id: 1, cursor: first.cursor },
      });
    });

    test('a duplicate of somebody who lost the right is refused for the right', async () => {
      const sub = ownName('caller');
      const topic = ownName();
      await (await bus().caller({ sub })).publish(topic, { event_id: 'e' });
      const weaker = await bus().caller({ ...NO_RIGHT, sub });
      await expectRefused(weaker.publish(topic, { event_id: 'e' }), 'CAPABILITY_DENIED');
    });

    async function spend(sub: string): Promise<void> {
      const caller = await bus().caller({ sub });
      const topic = ownName();
      const answers = await Promise.allSettled(Array.from({ length: 3 * BURST }, () => caller.publish(topic)));
      expect(answers.filter((answer) => answer.status === 'rejected').length).toBeGreaterThan(0);
    }
  });
}
