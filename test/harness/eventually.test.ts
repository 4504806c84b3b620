import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';

test('it returns the first value that is accepted', async () => {
  let count = 0;
  const next = () => {
    count += 1;
    return count;
  };
  expect(await eventually(next, (seen) => seen >= 3, { intervalMs: 1 })).toBe(3);
});

test('an error counts as not yet', async () => {
  let calls = 0;
  const flaky = () => {
    calls += 1;
    if (calls < 3) throw new Error('refused');
    return calls;
  };
  expect(await eventually(flaky, () => true, { intervalMs: 1 })).toBe(3);
});

test('it says what it waited for and what it saw last', async () => {
  const wait = eventually(
    () => ({ ready: false }),
    ({ ready }) => ready,
    { timeoutMs: 30, what: 'the server' },
  );
  await expect(wait).rejects.toThrow('the server was not reached within 30 ms; last seen: { ready: false }');
});

test('it reports the last error as the cause', async () => {
  const cause = new Error('refused');
  const failing = () => {
    throw cause;
  };
  await expect(eventually(failing, () => true, { timeoutMs: 30 })).rejects.toMatchObject({ cause });
});

test('a read that never settles does not hold it up', async () => {
  const wait = eventually(
    () => new Promise<never>(() => {}),
    () => true,
    { timeoutMs: 30 },
  );
  await expect(wait).rejects.toThrow('the first read never settled');
});
