import { expect, test } from 'vitest';
import type { Condition } from './resource.ts';
import { flips } from './status.ts';

const condition = (text: string): Condition => {
  const [type = '', status = '', reason = ''] = text.split(' ');
  return { type, status: status as Condition['status'], reason, message: '', lastTransitionTime: '' };
};

test.each<[string, string[], string[], string[]]>([
  ['a first visit that finds nothing wrong is no news', [], ['Accepted True Valid', 'Ready Unknown Pending'], []],
  ['a first visit that finds something wrong is', [], ['Accepted False InvalidSpec'], ['Accepted']],
  ['another reason for the same status is no news', ['Ready False A'], ['Ready False B'], []],
  [
    'Ready is no news of its own where it repeats another condition',
    ['Registered True ReadBack', 'Ready True Serving'],
    ['Registered Unknown RegistryUnavailable', 'Ready Unknown RegistryUnavailable'],
    ['Registered'],
  ],
  [
    'Ready is news when it becomes true with another condition',
    ['EndpointsReady False ScaledToZero', 'Ready False ScaledToZero'],
    ['EndpointsReady True EnoughEndpoints', 'Ready True Serving'],
    ['EndpointsReady', 'Ready'],
  ],
  [
    'Ready is news when it turns for a reason that was there before',
    ['EndpointsReady Unknown Pending', 'Accepted False InvalidSpec', 'Ready Unknown Pending'],
    ['EndpointsReady Unknown Pending', 'Accepted False InvalidSpec', 'Ready False InvalidSpec'],
    ['Ready'],
  ],
])('%s', (_title, before, after, told) => {
  expect(flips(before.map(condition), after.map(condition)).map(({ type }) => type)).toEqual(told);
});
