import { expect, test } from 'vitest';
import { untilIdle } from '#lib/manual-clock.ts';
import { Turns } from './turns.ts';

const never = new AbortController().signal;

/** Takes turns and notes who has one. */
function crowd(total: number, perGroup: number) {
  const turns = new Turns({ total, perGroup });
  const running: { readonly group: string; readonly end: () => void }[] = [];
  const take = (group: string, signal = never) =>
    turns.take(group, signal).then((end) => void running.push({ group, end }));
  const groups = () => running.map(({ group }) => group);
  const endFirst = async (group: string) => {
    const at = running.findIndex((one) => one.group === group);
    running.splice(at, 1)[0]?.end();
    await untilIdle();
  };
  return { take, groups, endFirst };
}

test('a group has its share and no more, and the others are not kept out', async () => {
  const { take, groups, endFirst } = crowd(4, 2);
  for (let i = 0; i < 100; i += 1) void take('slow');
  void take('a');
  void take('b');
  void take('c');
  await untilIdle();
  expect(groups()).toEqual(['slow', 'slow', 'a', 'b']);
  await endFirst('slow');
  expect(groups()).toEqual(['slow', 'a', 'b', 'slow']);
  await endFirst('slow');
  expect(groups()).toEqual(['a', 'b', 'slow', 'c']);
});

test('who waits no longer takes no turn', async () => {
  const { take, groups, endFirst } = crowd(1, 1);
  const stop = new AbortController();
  void take('a');
  const given = take('b', stop.signal);
  void take('c');
  stop.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await endFirst('a');
  expect(groups()).toEqual(['c']);
  await expect(take('d', stop.signal)).rejects.toThrow('enough');
});

test('an end that is said twice counts once', async () => {
  const turns = new Turns({ total: 1, perGroup: 1 });
  const end = await turns.take('a', never);
  end();
  end();
  await turns.take('a', never);
  let second = false;
  void turns.take('a', never).then(() => {
    second = true;
  });
  await untilIdle();
  expect(second).toBe(false);
});
