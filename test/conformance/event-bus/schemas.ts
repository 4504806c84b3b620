/** Schemas of topics: payloads are looked into only where one is configured. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { createWorkspace } from '../../harness/processes.ts';
import { type BusUnderTest, expectRefused, failure, texts, useBus } from './bus-under-test.ts';

const LOW_STOCK = {
  type: 'object',
  properties: {
    sku: { $ref: '#/$defs/sku' },
    left: { type: 'integer', minimum: 0, maximum: 9 },
    note: { type: 'string', maxLength: 70_000 },
  },
  required: ['sku', 'left'],
  $defs: { sku: { type: 'string', pattern: '^prod_[0-9]+$' } },
};
/** Of a pattern that overlaps the other: both must hold. */
const SIGNED = { type: 'object', required: ['by'] };
const GOOD = { sku: 'prod_1', left: 3 };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

export function describeSchemas(under: BusUnderTest): void {
  describe.concurrent('schemas', () => {
    const folder = createWorkspace('schemas').folder;
    const file = join(folder, 'schemas.yaml');
    beforeAll(() => {
      mkdirSync(join(folder, 'schemas'));
      writeFileSync(join(folder, 'schemas/low_stock.json'), JSON.stringify(LOW_STOCK));
      writeFileSync(join(folder, 'schemas/signed.json'), JSON.stringify(SIGNED));
      writeFileSync(
        file,
        'schemas:\n' +
          '  - {topics: "*:*:low_stock", file: schemas/low_stock.json}\n' +
          '  - {topics: "*:signed:*", file: schemas/signed.json}\n',
      );
    });
    const bus = useBus(under, () => ({ settings: { MCP2_EVENT_BUS_SCHEMAS_FILE: file } }));
    const topicOf = (middle = 'prod') => `${ownName()}:${middle}:low_stock`;

    test('a payload that holds to its schema is delivered byte for byte', async () => {
      const caller = await bus().caller();
      const topic = topicOf();
      const payload = Buffer.from('{ "left" : 3, "sku": "prod_1",\n"more": true }');
      await caller.publish(topic, { payload });
      await using reader = caller.subscribe(topic, { start: 1 });
      expect((await reader.take(1))[0]?.payload).toEqual(payload);
    });

    test.each([
      ['lacks a member', json({ sku: 'prod_1' }), /left/],
      ['has a member of another type', json({ ...GOOD, left: '3' }), /left/],
      ['is beyond a bound', json({ ...GOOD, left: 10 }), /left/],
      ['breaks a pattern behind a local $ref', json({ ...GOOD, sku: 'x' }), /sku/],
      ['is no object', json([GOOD]), undefined],
      ['is no JSON', Buffer.from('{"sku":'), undefined],
      ['is empty', Buffer.alloc(0), undefined],
      ['is no UTF-8', Buffer.concat([json(GOOD).subarray(0, -1), Buffer.from([0xff, 0x7d])]), undefined],
      ['has more than 64 KiB', json({ ...GOOD, note: 'x'.repeat(66_000) }), undefined],
    ])('one that %s is refused, and nothing is appended', async (_title, payload, where) => {
      const caller = await bus().caller();
      const topic = topicOf();
      const error = await expectRefused(caller.publish(topic, { payload }), 'PAYLOAD_INVALID');
      expect(Object.keys(error.facts)).toContain('path');
      if (where !== undefined) expect(`${error.facts.path} ${error.message}`).toMatch(where);
      expect(await caller.topic(topic)).toBeUndefined();
    });

    test('every schema whose pattern matches must hold', async () => {
      const caller = await bus().caller();
      const topic = topicOf('signed');
      await expectRefused(caller.publish(topic, { payload: json(GOOD) }), 'PAYLOAD_INVALID');
      await expectRefused(caller.publish(topic, { payload: json({ by: 'me' }) }), 'PAYLOAD_INVALID');
      await caller.publish(topic, { payload: json({ ...GOOD, by: 'me' }) });
    });

    test('other topics take anything', async () => {
      const caller = await bus().caller();
      const root = ownName();
      for (const topic of [`${root}:prod:high_stock`, `${root}:low_stock`, `${root}:a:b:low_stock`]) {
        await caller.publish(topic, { payload: Buffer.from([0xff, 0x00]) });
      }
    });

    test('a stream is refused request by request', async () => {
      const caller = await bus().caller();
      const topic = topicOf();
      await using writer = caller.openPublisher();
      for (const payload of [json(GOOD), json({}), json({ ...GOOD, left: 4 })]) {
        writer.send({ topic, payload, publisher_token: caller.token });
      }
      const acks = (await writer.untilAcks(3)).toSorted((a, b) => a.index - b.index);
      expect(acks.map(({ result }) => result)).toEqual(['response', 'error', 'response']);
      expect(acks[1]?.error?.code).toBe(failure('PAYLOAD_INVALID').code);
    });
  });

  describe('a schema that changed', () => {
    const folder = createWorkspace('schemas').folder;
    const settings = { MCP2_EVENT_BUS_SCHEMAS_FILE: join(folder, 'schemas.yaml') };
    beforeAll(() => {
      writeFileSync(settings.MCP2_EVENT_BUS_SCHEMAS_FILE, 'schemas: [{topics: "*:checked", file: a.json}]');
      writeFileSync(join(folder, 'a.json'), '{"type":"object"}');
    });
    const bus = useBus(under, () => ({ settings }));

    test('never touches what is stored', async () => {
      const caller = await bus().caller();
      const topic = `${ownName()}:checked`;
      await caller.publish(topic, { payload: Buffer.from('{"a":1}') });
      writeFileSync(join(folder, 'a.json'), '{"type":"array"}');
      await bus().restart();
      await expectRefused(caller.publish(topic, { payload: Buffer.from('{"a":1}') }), 'PAYLOAD_INVALID');
      await caller.publish(topic, { payload: Buffer.from('[1]') });
      await using reader = caller.subscribe(topic, { start: 1 });
      expect(texts(await reader.take(2))).toEqual(['{"a":1}', '[1]']);
    });
  });
}
