import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasReason } from '#lib/errors.ts';
import { decodePageToken, encodePageToken, hashFilter, PageSelection, type Position } from './paging.ts';

const FILTER = hashFilter({ filter: ['db:*'], mode: 0 });
const TOKEN = encodePageToken({ name: 'inventorydb', instanceId: 'abc' }, FILTER);

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (hasReason(error, 'PAGE_TOKEN_INVALID')) return error.reason;
    throw error;
  }
  return 'accepted';
}

describe('the page token', () => {
  test('leads back to the position that it was made of', () => {
    expect(decodePageToken(TOKEN, FILTER)).toEqual({ name: 'inventorydb', instanceId: 'abc' });
  });

  test.each([
    ['no base64url', 'not a token!'],
    ['padded base64', `${TOKEN}==`],
    ['another spelling of the same bytes', respell(TOKEN)],
    ['base64url of something else', Buffer.from('hello').toString('base64url')],
    ['a name outside the grammar', encodePageToken({ name: '../etc', instanceId: 'a' }, FILTER)],
    ['an instance with a line break', encodePageToken({ name: 'a', instanceId: 'a\nb' }, FILTER)],
    ['a megabyte', 'A'.repeat(1_000_000)],
    ['a cut token', TOKEN.slice(0, 20)],
    ['bytes that are no ASCII', Buffer.from(`${FILTER}\nname\n\xff\xfe`, 'latin1').toString('base64url')],
    ['a token of another filter', encodePageToken({ name: 'a', instanceId: 'b' }, hashFilter({ filter: ['tool:x'] }))],
  ])('%s is refused', (_title, token) => {
    expect(reasonOf(() => decodePageToken(token, FILTER))).toBe('PAGE_TOKEN_INVALID');
  });
});

/** RFC 4648 Section 3.5: the last character holds bits that no byte needs. */
function respell(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1] ?? '';
  const respelt = token.slice(0, -1) + last;
  expect(Buffer.from(respelt, 'base64url')).toEqual(Buffer.from(token, 'base64url'));
  return respelt;
}

test('the filter hash depends on every part and not on the order of members', () => {
  expect(hashFilter({ a: 1, b: ['x'] })).toBe(hashFilter({ b: ['x'], a: 1 }));
  expect(hashFilter({ a: 1, b: ['x'] })).not.toBe(hashFilter({ a: 1, b: ['y'] }));
});

describe('pages', () => {
  const key = ({ name, instanceId }: Position) => `${name}/${instanceId}`;
  const position = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    instanceId: fc.constantFrom('', '1', '2', '3', '4', '5'),
  });
  const positions = fc.uniqueArray(position, { selector: key, maxLength: 24 });

  function page(items: readonly Position[], after: Position | undefined, size: number) {
    const selection = new PageSelection(after, size);
    for (const item of items) if (selection.wants(item.name, item.instanceId)) selection.add(item);
    return selection.result();
  }

  test('read one after another they hold every item exactly once, in whatever order items are offered', () => {
    fc.assert(
      fc.property(positions, fc.integer({ min: 1, max: 7 }), (items, size) => {
        const seen: string[] = [];
        let after: Position | undefined;
        do {
          const { items: onPage, last } = page(items, after, size);
          expect(onPage.length).toBeLessThanOrEqual(size);
          seen.push(...onPage.map(key).sort());
          after = last;
        } while (after !== undefined);
        expect(seen).toEqual(items.map(key).sort());
      }),
      { numRuns: 2000 },
    );
  });

  test('a full page is not followed by an empty one', () => {
    const items = ['1', '2', '3'].map((instanceId) => ({ name: 'a', instanceId }));
    expect(page(items, undefined, 3).last).toBeUndefined();
  });
});
