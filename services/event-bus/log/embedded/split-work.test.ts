import { expect, test } from 'vitest';
import type { Work } from './messages.ts';
import { AppendPacker } from './packed-appends.ts';
import { splitWork } from './split-work.ts';

function workOf(topics: readonly string[], calls = 0): Work {
  const packer = new AppendPacker();
  for (const topic of topics) {
    packer.add({
      topic,
      payload: Buffer.from(`<${topic}>`),
      contentType: '',
      attributes: {},
      eventId: '',
      publisher: '',
      publisherKey: '',
      expectedLastSequence: undefined,
    });
  }
  const appends = packer.take();
  const list = Array.from({ length: calls }, () => ({ kind: 'tick' }) as const);
  return { kind: 'work', time: { nowMs: 0, monotonicMs: 0 }, appends, calls: list };
}

/** Down to the single ones, as topic and payload of an append, or as "call". */
function pieces(works: readonly Work[]): string[] {
  const halves = splitWork(works);
  if (halves !== undefined) return halves.flatMap(pieces);
  return works.flatMap(({ appends, calls }) => [
    ...(appends.count === 1 ? [`${appends.texts[0]}${Buffer.from(appends.payloads).toString()}`] : []),
    ...calls.map(() => 'call'),
  ]);
}

test('a group is split down to single appends and calls, each once and in order', () => {
  const works = [workOf(['a', 'bb', 'c'], 2), workOf([], 1), workOf(['d']), workOf(['e', 'fff'])];
  const found = pieces(works);
  expect(found.filter((piece) => piece !== 'call')).toEqual(['a<a>', 'bb<bb>', 'c<c>', 'd<d>', 'e<e>', 'fff<fff>']);
  expect(found.filter((piece) => piece === 'call')).toHaveLength(3);
});

test('a single one is not split', () => {
  expect(splitWork([workOf(['a'])])).toBeUndefined();
  expect(splitWork([workOf([], 1)])).toBeUndefined();
  expect(splitWork([])).toBeUndefined();
});
