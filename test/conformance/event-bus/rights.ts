/**
 * Who may publish and subscribe: a filter must be contained in one granted pattern, overlapping it is not enough; for
 * each method, with capabilities and with grants.
 */
import { describe, expect, test } from 'vitest';
import type { BusCaller, CallerClaims } from '../../harness/bus-caller.ts';
import { EVERY_EVENT, ownName, type TestBus } from '../../harness/event-bus.ts';
import { refusalOf } from '../../harness/registry-fixture.ts';
import { type BusUnderTest, expectEnd, expectRefused, failure, seeded, useBus } from './bus-under-test.ts';
import { everyTopic, mayAsk } from './oracle.ts';

const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);
const ALPHABET = ['a', 'b', '_c'];
const TOPICS = everyTopic(ALPHABET, 4).filter((topic) => !topic.startsWith('_'));

/** Right, filter, whether it is enough. */
const CONTAINMENT: readonly [string, string, boolean][] = [
  ['a:b', 'a:b', true],
  ['a:*', 'a:b', true],
  ['a:*', 'a:b:c', true],
  ['a:*', 'a:*', true],
  ['a:*', 'a:*:c', true],
  ['a:*', 'a', false],
  ['a:*:c', 'a:b:c', true],
  ['a:*:c', 'a:*:c', true],
  ['a:*:c', 'a:*', false],
  ['a:*:c', 'a:b:*', false],
  ['a:b', 'a:*', false],
  ['a:b:*', 'a:*', false],
  ['a:b:*', 'a:*:c', false],
  ['a:*:*', 'a:*', false],
  ['a:*', 'a:*:*', true],
  ['*', 'a:*', true],
  ['*', '*', true],
  ['*', '*:b', true],
  ['*:b', '*', false],
  ['*:b', 'a:*', false],
  ['a', 'a:b', false],
  ['a:b', 'a', false],
];

const SUBSCRIBE_ONLY = ['event:subscribe:*'];
const PUBLISH_ONLY = ['event:publish:*'];

export function describeRights(under: BusUnderTest): void {
  describe.concurrent('rights', () => {
    const bus = useBus(under);

    test.each(CONTAINMENT)('the right to "%s" and the filter "%s": %s', async (right, filter, isEnough) => {
      const root = ownName();
      const under_ = (pattern: string) =>
        right.startsWith('*') || filter.startsWith('*') ? pattern : `${root}:${pattern}`;
      const caller = await bus().caller({ capabilities: [`event:subscribe:${under_(right)}`] });
      await using reader = caller.subscribe(under_(filter), { idle_heartbeat_ms: 100 });
      if (isEnough) await reader.follows();
      else await expectEnd(reader, 'CAPABILITY_DENIED');
      const listed = caller.listTopics(under_(filter));
      if (isEnough) await listed;
      else await expectRefused(listed, 'CAPABILITY_DENIED');
    });

    test('of random rights and filters exactly those are allowed whose every topic is granted', async () => {
      const random = seeded(SEED);
      const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
      const pattern = () => Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(['a', 'b', '*'])).join(':');
      const cases = Array.from({ length: 200 }, () => ({ rights: [pattern(), pattern()], filter: pattern() }));
      const wrong: unknown[] = [];
      await inTurns(cases, 16, async ({ rights, filter }) => {
        // One right alone must be enough: two that share the topics are none that contains them.
        const isAllowed = rights.some((right) => mayAsk(right, filter, TOPICS));
        const caller = await bus().caller({ capabilities: rights.map((right) => `event:subscribe:${right}`) });
        const answer = await caller.listTopics(filter).then(
          () => 'allowed',
          ({ reason }) => reason,
        );
        if (answer !== (isAllowed ? 'allowed' : 'CAPABILITY_DENIED')) wrong.push({ rights, filter, answer });
      });
      expect(wrong, `MCP2_TEST_SEED=${SEED}`).toEqual([]);
    });

    test.each([
      ['event:publish:a:*', 'a:b', true],
      ['event:publish:a:*', 'a', false],
      ['event:publish:a:b', 'a:b', true],
      ['event:publish:*:b', 'a:b', true],
      ['event:publish:*:b', 'a:c', false],
      ['event:publish:*', 'a:b:c', true],
      ['event:subscribe:*', 'a:b', false],
      ['context:write:*', 'a:b', false],
      ['event:*', 'a:b', true],
      ['*', 'a:b', true],
    ])('with %s publishing on %s: %s', async (capability, topic, isEnough) => {
      const caller = await bus().caller({ capabilities: [capability] });
      const publishing = caller.publish(topic);
      if (isEnough) expect(await publishing).toMatchObject({ success: true });
      else await expectRefused(publishing, 'CAPABILITY_DENIED');
      await using writer = caller.openPublisher();
      writer.send({ topic, publisher_token: caller.token });
      writer.halfClose();
      const [ack] = await writer.untilAcks(1);
      expect([ack?.result, ack?.error?.code]).toEqual(
        isEnough ? ['response', undefined] : ['error', failure('CAPABILITY_DENIED').code],
      );
    });

    test('a subscriber gets only what its filter says, not all that it may read', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await caller.publishEach([`${root}:a`, `${root}:b`, root]);
      await using reader = caller.subscribe(`${root}:*`, { start: 1, idle_heartbeat_ms: 100 });
      await reader.follows();
      expect(reader.events.map(({ topic }) => topic)).toEqual([`${root}:a`, `${root}:b`]);
    });

    describeMethods(bus);
  });
}

export function describeMethods(bus: () => TestBus): void {
  describe.each(Object.entries(METHODS))('for %s', (_method, { call, grant, other }) => {
    const prepare = async (root: string) => {
      const sub = ownName('sub');
      const owner = await bus().caller({ sub });
      await owner.publish(`${root}:a`);
      await using reader = owner.subscribe(`${root}:*`, { durable_name: 'd', ack_mode: 1, start: 1 });
      await reader.take(1);
      return { sub, root };
    };
    const refused = (claims: CallerClaims) => async () => {
      const { sub, root } = await prepare(ownName());
      const caller = await bus().caller({ ...claims, sub });
      return refusalOf(call(bus(), caller, root));
    };

    test('without a token, with one for another server and with one of a tenant it is refused', async () => {
      const { root } = await prepare(ownName());
      const nobody = { ...(await bus().caller()), token: '' } as BusCaller;
      expect(await refusalOf(call(bus(), nobody, root))).toMatchObject(failure('CREDENTIAL_MISSING'));
      const elsewhere = await bus().caller({ aud: ['RegistryServer', 'EventBus_*'] });
      expect(await refusalOf(call(bus(), elsewhere, root))).toMatchObject(failure('AUDIENCE_MISMATCH'));
      const tenant = await bus().caller({ tid: 'other' });
      expect(await refusalOf(call(bus(), tenant, root))).toMatchObject(failure('UNIMPLEMENTED'));
    });

    test('a right of the other kind is none', async () => {
      expect(await refused({ capabilities: other })()).toMatchObject(failure('CAPABILITY_DENIED'));
    });

    test('a grant of the method on the topics is enough, one of another method or of other topics is not', async () => {
      const { sub, root } = await prepare(ownName());
      const granted = await bus().caller({ sub, grants: [{ method: grant, resource: [`${root}:*`] }] });
      await call(bus(), granted, root);
      const elsewhere = { grants: [{ method: grant, resource: ['elsewhere:*'] }] };
      expect(await refused(elsewhere)()).toMatchObject(failure('CAPABILITY_DENIED'));
      const lookup = { grants: [{ method: 'ContextTool.RequestContext', resource: ['*'] }] };
      expect(await refused(lookup)()).toMatchObject(failure('CAPABILITY_DENIED'));
    });

    test('grants and capabilities both narrow', async () => {
      const { sub, root } = await prepare(ownName());
      const grants = [{ method: grant, resource: [`${root}:*`] }];
      await call(bus(), await bus().caller({ sub, grants, capabilities: EVERY_EVENT }), root);
      expect(await refused({ grants, capabilities: other })()).toMatchObject(failure('CAPABILITY_DENIED'));
      const both = { grants: [{ method: grant, resource: ['elsewhere:*'] }], capabilities: EVERY_EVENT };
      expect(await refused(both)()).toMatchObject(failure('CAPABILITY_DENIED'));
    });
  });
}

interface Method {
  readonly call: (bus: TestBus, caller: BusCaller, root: string) => Promise<unknown>;
  /** The method that a grant names. */
  readonly grant: string;
  /** Capabilities that are not enough. */
  readonly other: readonly string[];
}

/** What each does with a topic or a filter below a root on which the caller has the durable subscription "d". */
const METHODS: Readonly<Record<string, Method>> = {
  Publish: {
    call: ({ client }, { token }, root) => client.call('Publish', { topic: `${root}:b`, publisher_token: token }),
    ...{ grant: 'EventBus.Publish', other: SUBSCRIBE_ONLY },
  },
  PublishStream: {
    async call({ client }, { token }, root) {
      const requests = (async function* () {
        yield { topic: `${root}:b`, publisher_token: token };
      })();
      for await (const { error } of client.bidiStream('PublishStream', requests)) {
        if (error !== null && error !== undefined)
          return client.call('Publish', { topic: `${root}:b`, publisher_token: token });
      }
      return undefined;
    },
    ...{ grant: 'EventBus.Publish', other: SUBSCRIBE_ONLY },
  },
  Subscribe: {
    async call({ client }, { token }, root) {
      const request = { topic_filter: `${root}:*`, subscriber_token: token, idle_heartbeat_ms: 100 };
      for await (const _ of client.serverStream('Subscribe', request)) return;
    },
    ...{ grant: 'EventBus.Subscribe', other: PUBLISH_ONLY },
  },
  ListTopics: {
    call: ({ client }, { token }, root) =>
      client.call('ListTopics', { topic_filter: `${root}:*`, subscriber_token: token }),
    ...{ grant: 'EventBus.ListTopics', other: PUBLISH_ONLY },
  },
  Ack: {
    call: ({ client }, { token }) => client.call('Ack', { durable_name: 'd', subscriber_token: token }),
    ...{ grant: 'EventBus.Ack', other: PUBLISH_ONLY },
  },
  DeleteSubscription: {
    call: ({ client }, { token }) => client.call('DeleteSubscription', { durable_name: 'd', subscriber_token: token }),
    ...{ grant: 'EventBus.DeleteSubscription', other: PUBLISH_ONLY },
  },
};

/** At most `lanes` at once. */
async function inTurns<T>(cases: readonly T[], lanes: number, run: (one: T) => Promise<void>): Promise<void> {
  const rest = cases.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const one of rest) await run(one);
    }),
  );
}
